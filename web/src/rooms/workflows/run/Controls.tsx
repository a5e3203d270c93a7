/** What a person can do to a run, by buttons and by the same keys: pause, step, go on, cancel, begin anew from a turn. */
"use client";

import { CircleStop, Pause, Play, RotateCcw, StepForward } from "lucide-react";
import { useState } from "react";

import type { RunShown } from "@/kit/api/schema";
import { useKeys } from "@/kit/keys/useKeys";
import { Button } from "@/kit/ui/Button";
import { Dialog } from "@/kit/ui/Dialog";
import { TextField } from "@/kit/ui/Field";
import { ErrorBox } from "@/kit/ui/Moments";

import { FINAL, type useRunAction } from "../queries";

type Act = ReturnType<typeof useRunAction>;

export function Controls({ run, act, onRetry, retrying, retryFrom }: { run: RunShown; act: Act; onRetry: () => void; retrying: boolean; /** "turn 3", as the button says it. */ retryFrom: string | null }) {
  const [asking, setAsking] = useState<"cancel" | "budget" | null>(null);
  const over = FINAL.has(run.state);
  const going = run.state === "queued" || run.state === "running";
  const resumable = run.state === "waiting" && run.waiting_for !== "person";
  const budget = resumable && run.waiting_for === "budget";
  const verb = act.isPending ? act.variables.verb : null;
  const wished = going ? wishOf(run, act) : null;
  const goOn = () => (budget ? setAsking("budget") : act.mutate({ verb: "resume", single_step: false }));
  const pause = () => act.mutate({ verb: "pause" });
  const step = () => act.mutate({ verb: "resume", single_step: true });
  const canPause = going && wished === null && !act.isPending;
  const canGoOn = resumable && !act.isPending;
  useKeys("Run", [
    { keys: "p", label: "Pause, resume", off: !canPause && !canGoOn, run: going ? pause : goOn },
    { keys: "s", label: "Step: one turn, then wait", off: !canGoOn || budget, run: step },
    { keys: "r", label: "Retry from here", off: !over || retrying, run: onRetry },
  ]);
  if (over) return <Button icon={RotateCcw} keyCap="R" busy={retrying} onClick={onRetry}>{retryFrom ? `Retry from ${retryFrom}` : "Retry"}</Button>;
  return (
    <>
      {going && <Button icon={Pause} keyCap="P" busy={verb === "pause" || wished === "pause"} reason={wished === "pause" ? "It stops when this turn is over" : undefined} onClick={pause}>{wished === "pause" ? "Pausing" : "Pause"}</Button>}
      {resumable && !budget && <Button kind="ink" icon={Play} keyCap="P" busy={verb === "resume"} onClick={goOn}>Resume</Button>}
      {budget && <Button kind="ink" icon={Play} keyCap="P" busy={verb === "resume"} onClick={goOn}>Raise and resume</Button>}
      <Button icon={StepForward} keyCap="S" disabled={!canGoOn || budget} reason={resumable ? "One turn, then wait again" : "Pause first, then go turn by turn"} onClick={step}>Step</Button>
      <Button kind="danger" icon={CircleStop} busy={verb === "cancel" || wished === "cancel"} onClick={() => setAsking("cancel")}>{wished === "cancel" ? "Stopping" : "Cancel"}</Button>
      <Dialog open={asking === "cancel"} onClose={() => setAsking(null)} title="Cancel this run?"
        actions={<><Button onClick={() => setAsking(null)}>Let it run</Button><Button kind="danger-fill" onClick={() => { act.mutate({ verb: "cancel" }); setAsking(null); }}>Cancel the run</Button></>}>
        <p>It stops for good. Its {run.turns} turns stay, and a retry can begin from any of them.</p>
      </Dialog>
      {asking === "budget" && budget && <MoreBudget run={run} act={act} onClose={() => setAsking(null)} />}
    </>
  );
}

/** What was asked of the run here and has not happened yet: the row stands at the revision which that made. */
function wishOf(run: RunShown, act: Act): "pause" | "cancel" | null {
  if (!act.isSuccess || act.data.revision !== run.revision) return null;
  return act.variables.verb === "pause" || act.variables.verb === "cancel" ? act.variables.verb : null;
}

/** The limit that is used up, from `max_turns is 12, 12 are used`, and how far to raise it. */
function MoreBudget({ run, act, onClose }: { run: RunShown; act: Act; onClose: () => void }) {
  const found = /^(max_\w+) is ([\d.e+]+)/.exec(run.waiting_detail ?? "");
  const name = found?.[1] ?? "max_turns";
  const limit = Number(run.budgets[name] ?? found?.[2] ?? 0);
  const [typed, setTyped] = useState(() => String(limit * 2 || 1));
  const raised = Number(typed);
  const fits = Number.isFinite(raised) && raised > limit;
  return (
    <Dialog open onClose={onClose} title={`Raise ${name} and go on?`}
      actions={<><Button onClick={onClose}>Leave it waiting</Button><Button kind="ink" disabled={!fits} onClick={() => { act.mutate({ verb: "resume", single_step: false, budgets: { [name]: raised } }); onClose(); }}>Raise and resume</Button></>}>
      <p>{run.waiting_detail}.</p>
      <TextField label={name} inputMode="decimal" value={typed} onChange={(event) => setTyped(event.target.value)} error={fits ? null : `More than ${limit}, or it stops at once again.`} />
    </Dialog>
  );
}

export function ActionError({ act }: { act: Act }) {
  if (!act.error) return null;
  const title = act.error instanceof Error && "status" in act.error && act.error.status === 412 ? "The run changed in between. This is how it stands now; try again" : undefined;
  return <ErrorBox error={act.error} title={title} />;
}
