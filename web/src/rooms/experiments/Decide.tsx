/** Promote, refuse, roll back: each with its reason, each a row that is never changed. No key does any of it. */
"use client";

import { Flag, ThumbsDown, Undo2 } from "lucide-react";
import { useState } from "react";

import { reveal } from "@/kit/text/Untrusted";
import { Button } from "@/kit/ui/Button";
import { Dialog } from "@/kit/ui/Dialog";
import { TextArea } from "@/kit/ui/Field";
import { ErrorBox } from "@/kit/ui/Moments";
import { say } from "@/kit/ui/Toast";

import type { Evidence } from "./evidence";
import { useDecision } from "./queries";

type Kind = "promote" | "refuse" | "rollback";

/** What can be decided now: an open candidate, a promotion that is in force, or one that was refused or taken back. */
function choices(shown: Evidence): Kind[] {
  if (shown.decision === null) return ["promote", "refuse"];
  return shown.decision.kind === "promotion" && shown.decision.rolled_back_at === null ? ["rollback"] : ["promote"];
}

export function Decide({ shown }: { shown: Evidence }) {
  const [asked, setAsked] = useState<Kind | null>(null);
  const against = shown.verdict !== "better";
  return (
    <div className="mt-2 flex flex-col gap-2">
      {choices(shown).map((kind) => (
        kind === "promote" ? <Button key={kind} kind={against || shown.decision !== null ? "default" : "ink"} icon={Flag} onClick={() => setAsked(kind)}>{against ? "Promote against the verdict" : `Promote ${reveal(shown.candidate.target)}${shown.decision === null ? "" : " after all"}`}</Button>
        : kind === "refuse" ? <Button key={kind} icon={ThumbsDown} onClick={() => setAsked(kind)}>Refuse</Button>
        : <Button key={kind} icon={Undo2} onClick={() => setAsked(kind)}>Roll back to {reveal(shown.baseline.target)}</Button>
      ))}
      {asked && <Ask kind={asked} shown={shown} against={against} onClose={() => setAsked(null)} />}
    </div>
  );
}

function Ask({ kind, shown, against, onClose }: { kind: Kind; shown: Evidence; against: boolean; onClose: () => void }) {
  const decide = useDecision(shown.improvement_id, shown.alias);
  const [reason, setReason] = useState("");
  const needs = kind === "promote" && against;
  const { alias } = shown;
  const [candidate, baseline] = [reveal(shown.candidate.target), reveal(shown.baseline.target)];
  const text = {
    promote: { title: `Promote ${candidate}?`, what: `The alias ${alias} moves from ${baseline} to ${candidate}. The next call of ${shown.agent} uses it; nothing is restarted.${needs ? ` The verdict is “${shown.verdict.replace("_", " ")}”: this overrides it, and the record says so.` : ""}`, verb: needs ? "Promote against the verdict" : "Promote", done: `${alias} uses ${candidate}` },
    refuse: { title: `Refuse ${candidate}?`, what: `The alias ${alias} stays with ${baseline}. The adapter and its certificate are kept.`, verb: "Refuse", done: `${candidate} is refused; ${alias} stays with ${baseline}` },
    rollback: { title: `Roll back to ${baseline}?`, what: `The alias ${alias} moves back to ${baseline}, from the next call on. The promotion stays on record.`, verb: "Roll back", done: `${alias} uses ${baseline} again` },
  }[kind];
  const send = () => decide.mutate({ kind, reason: reason.trim(), override: needs }, { onSuccess: () => { say(text.done); onClose(); } });
  return (
    <Dialog open onClose={onClose} title={text.title} actions={<>
      <Button onClick={onClose}>Keep as it is</Button>
      <Button kind={kind === "promote" && !needs ? "ink" : "danger-fill"} busy={decide.isPending} disabled={needs && !reason.trim()} reason={needs && !reason.trim() ? "Say why first" : undefined} onClick={send}>{text.verb}</Button>
    </>}>
      <p>{text.what}</p>
      <TextArea label="Reason" rows={3} value={reason} maxLength={2000} onChange={(event) => setReason(event.target.value)} help={needs ? "Needed: it goes against the verdict." : "For the record. Who decides, and when, is kept too."} />
      {decide.error && <ErrorBox error={decide.error} />}
    </Dialog>
  );
}
