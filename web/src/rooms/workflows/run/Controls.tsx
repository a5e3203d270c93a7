/** What a person can do to a run: pause, step, go on, cancel, begin anew from a turn. */
"use client";

import { CircleStop, Pause, Play, RotateCcw, StepForward } from "lucide-react";
import { useState } from "react";

import type { RunShown } from "@/kit/api/schema";
import { Button } from "@/kit/ui/Button";
import { Dialog } from "@/kit/ui/Dialog";
import { TextField } from "@/kit/ui/Field";
import { ErrorBox } from "@/kit/ui/Moments";

import { FINAL, type useRunAction } from "../queries";

type Act = ReturnType<typeof useRunAction>;

export function Controls({ run, act, onRetry, retryFrom }: { run: RunShown; act: Act; onRetry: () => void; retryFrom: string | null }) {
  const [asking, setAsking] = useState(false);
  const going = run.state === "queued" || run.state === "running";
  const resumable = run.state === "waiting" && run.waiting_for !== "person";
  const verb = act.isPending ? act.variables.verb : null;
  if (FINAL.has(run.state)) return <Button icon={RotateCcw} keyCap="R" onClick={onRetry}>{retryFrom ? `Retry from ${retryFrom}` : "Retry"}</Button>;
  return (
    <>
      {going && <Button icon={Pause} keyCap="P" busy={verb === "pause"} onClick={() => act.mutate({ verb: "pause" })}>Pause</Button>}
      {resumable && run.waiting_for !== "budget" && <Button kind="ink" icon={Play} keyCap="P" busy={verb === "resume"} onClick={() => act.mutate({ verb: "resume", single_step: false })}>Resume</Button>}
      {run.waiting_for === "budget" && <MoreBudget run={run} act={act} />}
      <Button icon={StepForward} keyCap="S" disabled={!resumable || run.waiting_for === "budget"} reason={resumable ? "One turn, then wait again" : "Pause first, then go turn by turn"} onClick={() => act.mutate({ verb: "resume", single_step: true })}>Step</Button>
      <Button kind="danger" icon={CircleStop} busy={verb === "cancel"} onClick={() => setAsking(true)}>Cancel</Button>
      <Dialog open={asking} onClose={() => setAsking(false)} title="Cancel this run?"
        actions={<><Button onClick={() => setAsking(false)}>Let it run</Button><Button kind="danger-fill" onClick={() => { act.mutate({ verb: "cancel" }); setAsking(false); }}>Cancel the run</Button></>}>
        <p>It stops for good. Its {run.turns} turns stay, and a retry can begin from any of them.</p>
      </Dialog>
    </>
  );
}

/** The limit that is used up, from `max_turns is 12, 12 are used`, and how far to raise it. */
function MoreBudget({ run, act }: { run: RunShown; act: Act }) {
  const name = /^(max_\w+)/.exec(run.waiting_detail ?? "")?.[1] ?? "max_turns";
  const limit = Number(run.budgets[name] ?? 0);
  const [open, setOpen] = useState(false);
  const [typed, setTyped] = useState(() => String(limit * 2 || 1));
  const raised = Number(typed);
  const fits = Number.isFinite(raised) && raised > limit;
  return (
    <>
      <Button kind="ink" icon={Play} keyCap="P" onClick={() => setOpen(true)}>Raise and resume</Button>
      <Dialog open={open} onClose={() => setOpen(false)} title={`Raise ${name} and go on?`}
        actions={<><Button onClick={() => setOpen(false)}>Leave it waiting</Button><Button kind="ink" disabled={!fits} onClick={() => { act.mutate({ verb: "resume", single_step: false, budgets: { [name]: raised } }); setOpen(false); }}>Raise and resume</Button></>}>
        <p>{run.waiting_detail}.</p>
        <TextField label={name} inputMode="decimal" value={typed} onChange={(event) => setTyped(event.target.value)} error={fits ? null : `More than ${limit}, or it stops at once again.`} />
      </Dialog>
    </>
  );
}

export function ActionError({ act }: { act: Act }) {
  if (!act.error) return null;
  const title = act.error instanceof Error && "status" in act.error && act.error.status === 412 ? "The run changed in between. This is how it stands now; try again" : undefined;
  return <ErrorBox error={act.error} title={title} />;
}
