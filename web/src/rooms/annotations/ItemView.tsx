/** The item on the desk: question, answers, judgement; and the keys that work on it. */
"use client";

import clsx from "clsx";
import { Check, LoaderCircle, SkipForward, Undo2 } from "lucide-react";
import dynamic from "next/dynamic";
import { useRef, useState } from "react";

import type { ItemShown, QueueShown } from "@/kit/api/schema";
import { clockTime } from "@/kit/format/format";
import { nameOf } from "@/kit/keys/registry";
import { useKeys } from "@/kit/keys/useKeys";
import { prefer, usePref } from "@/kit/prefs/prefs";
import { Button, KeyCap } from "@/kit/ui/Button";
import { Skeleton } from "@/kit/ui/Moments";

import { AnswerCard } from "./AnswerCard";
import type { Desk, DeskKeeper } from "./desk";
import { type Draft, letterOf, reasonsOf, wordOf } from "./draft";
import { type Action, bindingsOf } from "./keys";
import { Question } from "./Question";
import { useOrigin, useRun } from "./queries";
import { nudge, rank } from "./ranking";
import { markSaved } from "./useDesk";
import { Reasons, VerdictBar } from "./Verdict";
import { answerOf, askedOf, promptOf } from "./words";

const Ranking = dynamic(() => import("./Ranking"), { loading: () => <Skeleton rows={4} label="Loading the answers" /> });

const HINTS = [["U", "undo"], ["S", "skip"], ["← →", "browse"]] as const;

interface Props {
  queue: QueueShown; desk: DeskKeeper; state: Desk; item: ItemShown; draft: Draft;
  /** It was judged already and is only looked at. */ past: boolean;
  onPanel: (which: "guide" | "run") => void; onSkip: () => void;
}

export function ItemView({ queue, desk, state, item, draft, past, onPanel, onSkip }: Props) {
  const ids = item.interaction_ids;
  const messages = promptOf(item);
  const { origin } = useOrigin(item);
  const run = useRun(origin?.run_id);
  const goal = typeof run.data?.input.goal === "string" ? run.data.input.goal : askedOf(messages);
  const [editing, setEditing] = useState<string | null>(null);
  const [noting, setNoting] = useState(false);
  const [picked, setPicked] = useState<string | null>(null);
  const fast = usePref("fast_lane");
  const home = useRef<HTMLDivElement>(null);
  const reasons = reasonsOf(queue.guideline);
  const bindings = bindingsOf(item.kind, ids.length);

  const say = (change: Partial<Draft>) => { if (!past) desk.say(change); };
  const save = () => { markSaved(); desk.save(); };
  const choose = (change: Partial<Draft>) => { say(change); if (fast && !past) save(); };
  const settle = () => home.current?.focus({ preventScroll: true });
  const correct = (other: boolean) => {
    const chosen = item.kind === "ranking" ? ids.indexOf(picked ?? ids[0]!) : draft.choice === "second" ? 1 : 0;
    setEditing(ids[other && ids.length === 2 ? 1 - chosen : chosen]!);
  };
  const act = (action: Action) => {
    switch (action.do) {
      case "browse": return desk.browse(action.by);
      case "undo": return void desk.undo();
      case "context": return onPanel("run");
      case "guide": return onPanel("guide");
      case "extend": return void desk.extend();
    }
    if (past) return;
    switch (action.do) {
      case "choose": return choose({ choice: action.choice });
      case "rate": return choose({ rating: action.rating });
      case "thumb": return choose({ up: action.up });
      case "label": {
        const label = queue.labels?.[action.at];
        return label === undefined ? undefined : say({ labels: draft.labels.includes(label) ? draft.labels.filter((each) => each !== label) : [...draft.labels, label] });
      }
      case "pick": return setPicked(ids[action.at] ?? null);
      case "rank": return picked ? say({ ranks: rank(draft.ranks, picked, action.rank) }) : undefined;
      case "nudge": return picked ? say({ ranks: nudge(draft.ranks, ids, picked, action.by) }) : undefined;
      case "reason": {
        const reason = reasons[action.at];
        return reason === undefined ? undefined : say({ reasons: draft.reasons.includes(reason) ? draft.reasons.filter((each) => each !== reason) : [...draft.reasons, reason] });
      }
      case "correct": return correct(action.other);
      case "note": return setNoting(true);
      case "skip": return onSkip();
      case "save": return save();
    }
  };
  useKeys("Annotate", bindings.map(({ keys, label, action }) => ({ keys, label, run: (event: KeyboardEvent) => act(action(nameOf(event))) })));

  const card = (id: string, at: number) => (
    <AnswerCard key={id} letter={ids.length > 1 ? letterOf(at) : null} text={answerOf(item, id)} correction={draft.corrections[id]} editing={editing === id}
      chosen={draft.choice === (["first", "second"] as const)[at]} keyCap={past ? undefined : (draft.choice === "second" ? 1 : 0) === at || ids.length === 1 ? "C" : "⇧C"}
      onEdit={() => !past && setEditing(id)} onCorrect={(text) => say({ corrections: withText(draft.corrections, id, text, answerOf(item, id)) })} onDone={() => { setEditing(null); settle(); }} />
  );
  return (
    <div ref={home} tabIndex={-1} className="flex h-full min-h-0 flex-col outline-none" onClick={(event) => { if (event.target instanceof Element && event.target.closest("button[aria-pressed]")) settle(); }}>
      <div className="flex min-h-0 flex-1 flex-col gap-4 overflow-y-auto px-6 pt-4 pb-4 max-md:px-3">
        {past && <p role="status" className="rounded-control bg-accent-soft px-3 py-1.5 text-accent">You judged this: {wordOf(item, draft)}. → goes on; U takes the last one back.</p>}
        <Question goal={goal} messages={messages} onContext={() => onPanel("run")} />
        {item.kind === "ranking" && editing === null
          ? <Ranking answers={ids.map((id, at) => ({ id, letter: letterOf(at), text: answerOf(item, id), correction: draft.corrections[id] }))} ranks={draft.ranks} picked={picked} onPick={setPicked}
              onRank={(ranks) => say({ ranks })} onNudge={(id, by) => { setPicked(id); say({ ranks: nudge(draft.ranks, ids, id, by) }); }} onEdit={(id) => !past && setEditing(id)} />
          : <div className={clsx("grid min-h-40 flex-1 gap-3.5 max-md:flex-none", ids.length === 2 && item.kind === "choice" && "md:grid-cols-2")}>{(item.kind === "ranking" ? ids.filter((id) => id === editing) : ids).map((id) => card(id, ids.indexOf(id)))}</div>}
      </div>
      <div className="shrink-0 space-y-3 px-6 pb-3 max-md:space-y-2 max-md:border-t max-md:border-border max-md:px-3 max-md:pt-2 max-md:pb-1">
        <Reasons reasons={reasons} taken={bindings.filter((each) => each.label === "Pick an answer").flatMap((each) => each.keys)} draft={draft} act={act} say={say} noting={noting} onNote={(open) => { setNoting(open); if (!open) settle(); }} />
        <VerdictBar kind={item.kind} draft={draft} labels={queue.labels} act={act} say={say} />
        <footer className="flex flex-wrap items-center gap-x-4 gap-y-1 text-text-3">
          <Button kind="quiet" icon={Undo2} className="px-2! md:hidden" disabled={state.judged.length === 0} onClick={() => desk.undo()}>Undo last</Button>
          {(item.kind === "ranking" || item.kind === "correction" || item.kind === "labels" || !fast) && <Button kind="default" keyCap="⏎" onClick={save} disabled={past} className="max-md:flex-1">Save and next</Button>}
          <Button kind="quiet" icon={SkipForward} className="px-2! md:hidden" onClick={onSkip}>Skip</Button>
          {HINTS.map(([key, word]) => <span key={key} className="inline-flex items-center gap-1.5 max-lg:hidden"><KeyCap>{key}</KeyCap> {word}</span>)}
          <label className="inline-flex items-center gap-1.5 max-md:hidden"><input type="checkbox" checked={fast} onChange={(event) => { prefer({ fast_lane: event.target.checked }); settle(); }} className="size-4 accent-accent" /> fast lane</label>
          <Saved state={state} />
        </footer>
      </div>
    </div>
  );
}

function withText(corrections: Record<string, string>, id: string, text: string, original: string): Record<string, string> {
  const rest = Object.fromEntries(Object.entries(corrections).filter(([each]) => each !== id));
  return text === original ? rest : { ...rest, [id]: text };
}

function Saved({ state }: { state: Desk }) {
  const saving = state.judged.some((entry) => !entry.saved && !entry.error);
  return (
    <span role="status" className="nums ml-auto inline-flex items-center gap-1.5 max-md:w-full max-md:justify-center">
      {state.notice ? <span className="text-attention">{state.notice}</span>
        : saving ? <><LoaderCircle aria-hidden size={14} className="animate-spin" /> Saving</>
        : state.savedAt !== null && <span className="inline-flex items-center gap-1.5 text-succeeded"><Check aria-hidden size={14} /> Saved {clockTime(new Date(state.savedAt).toISOString())}{state.ahead.length > 0 && ", next item ready"}</span>}
    </span>
  );
}
