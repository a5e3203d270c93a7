/** One schedule: what it starts, its next five times, what it fired; pause, resume, run now, change, delete. */
"use client";

import { Pause, Pencil, Play, Trash2, Zap } from "lucide-react";
import { useState } from "react";

import type { FiringShown, ScheduleShown } from "@/kit/api/schema";
import { clockTime, UNKNOWN } from "@/kit/format/format";
import { reveal } from "@/kit/text/Untrusted";
import { Button, IconButton } from "@/kit/ui/Button";
import { Card } from "@/kit/ui/Card";
import { StateChip, Tag } from "@/kit/ui/Chip";
import { Dialog } from "@/kit/ui/Dialog";
import { ErrorBox, Skeleton } from "@/kit/ui/Moments";
import { say } from "@/kit/ui/Toast";

import { type Act, useAct, useDelete, useFirings, useNext } from "./queries";
import { Time } from "./Time";

const SAID: Record<Act, string> = { pause: "is paused", resume: "fires again", run: "fires now" };
const OVERLAP: Record<string, string> = {
  skip: "is skipped", queue: "waits for its turn", cancel_other: "stops the other and starts", allow: "starts beside it",
};
const REASON: Record<string, string> = { overlap: "an earlier one was under way", paused: "the schedule was paused", missed: "nobody looked in time" };

export function Schedule({ shown, onChange }: { shown: ScheduleShown; onChange: () => void }) {
  const act = useAct(shown.id);
  const [asking, setAsking] = useState(false);
  const doing = act.isPending ? act.variables : null;
  const run = (what: Act, undo?: () => void) => act.mutate(what, { onSuccess: () => say(`${shown.name} ${SAID[what]}`, undo) });
  return (
    <div className="min-w-0 space-y-3.5">
      <Card title={<span className="[overflow-wrap:anywhere]">{shown.name}</span>}>
        <div className="mb-3 flex flex-wrap items-center gap-2">
          <span className="mr-auto"><Tag>{shown.task}</Tag></span>
          {shown.paused
            ? <Button icon={Play} busy={doing === "resume"} onClick={() => run("resume", () => act.mutate("pause"))}>Resume</Button>
            : <Button icon={Pause} busy={doing === "pause"} onClick={() => run("pause", () => act.mutate("resume"))}>Pause</Button>}
          <Button kind="ink" icon={Zap} busy={doing === "run"} onClick={() => run("run")}>Run now</Button>
          <IconButton icon={Pencil} label={`Change ${shown.name}`} onClick={onChange} />
          <IconButton icon={Trash2} label={`Delete ${shown.name}`} onClick={() => setAsking(true)} />
        </div>
        {asking && <Deleting shown={shown} onClose={() => setAsking(false)} />}
        {act.error && <ErrorBox error={act.error} />}
        {shown.description && <p className="mb-2 [overflow-wrap:anywhere]">{reveal(shown.description)}</p>}
        {shown.paused && <p className="mb-2 text-attention">Paused since {clockTime(shown.paused_at)}{shown.pause_reason && `: ${reveal(shown.pause_reason)}`}</p>}
        <pre tabIndex={0} aria-label="Arguments" className="overflow-x-auto rounded-control bg-sunken px-3 py-2 font-mono text-xs text-text">{reveal(JSON.stringify(shown.arguments, null, 2))}</pre>
        <p className="mt-2 text-text-3">While an earlier one is under way, the next {OVERLAP[shown.overlap]}. Of times nobody saw, {shown.catch_up === "all" ? `the last ${shown.catch_up_limit} are` : shown.catch_up === "last" ? "the last is" : "none is"} made up for.</p>
      </Card>
      <Next shown={shown} />
      <Firings shown={shown} />
    </div>
  );
}

function Deleting({ shown, onClose }: { shown: ScheduleShown; onClose: () => void }) {
  const remove = useDelete(shown, () => say(`${shown.name} is gone`));
  return (
    <Dialog open onClose={onClose} title={`Delete ${shown.name}?`} actions={<>
      <Button autoFocus onClick={onClose}>Keep it</Button>
      <Button kind="danger-fill" busy={remove.isPending} onClick={() => remove.mutate()}>Delete</Button>
    </>}>
      <p>Its history goes with it. What it started stays. To stop it for a while, pause it.</p>
      {remove.error && <ErrorBox error={remove.error} />}
    </Dialog>
  );
}

function Next({ shown }: { shown: ScheduleShown }) {
  const { data, error, isPending, refetch } = useNext(shown.id);
  return (
    <Card title="Next" note={data && reveal(data.words)} flush>
      {isPending && <Skeleton rows={5} />}
      {error && <div className="px-4 pb-3"><ErrorBox error={error} retry={() => void refetch()} /></div>}
      {data?.items.length === 0 && <p className="border-t border-border px-4 py-3">No time is left.</p>}
      <ol>{data?.items.map((tick) => <Time key={tick.at} tick={tick} />)}</ol>
    </Card>
  );
}

function Firings({ shown }: { shown: ScheduleShown }) {
  const { data, error, isPending, refetch } = useFirings(shown.id);
  return (
    <Card title="History" note="the latest first" flush>
      {isPending && <Skeleton rows={3} />}
      {error && <div className="px-4 pb-3"><ErrorBox error={error} retry={() => void refetch()} /></div>}
      {data?.items.length === 0 && <p className="border-t border-border px-4 py-3">It has not fired yet.</p>}
      <ul>{data?.items.map((firing) => <Fired key={firing.id} firing={firing} />)}</ul>
    </Card>
  );
}

function Fired({ firing }: { firing: FiringShown }) {
  const why = firing.error_detail ?? (firing.reason ? REASON[firing.reason] : null);
  return (
    <li className="border-t border-border px-4 py-1.5">
      <div className="flex min-h-6 flex-wrap items-center gap-x-3 gap-y-1">
        <span className="nums font-[550] text-text">{clockTime(firing.tick_at)}</span>
        {firing.cause === "person" && <Tag>by hand</Tag>}
        <StateChip state={firing.state} waitingFor={firing.waiting_for} />
        {firing.started_id && <span className="ml-auto flex items-center gap-2 text-text-3">it started <span className="font-mono text-xs">…{firing.started_id.slice(-8)}</span>{firing.started_state ? <StateChip state={firing.started_state} /> : UNKNOWN}</span>}
      </div>
      {why && <p className="mt-1 text-xs text-text-3 [overflow-wrap:anywhere]">{reveal(why)}</p>}
      {firing.missed > 0 && <p className="nums mt-1 text-xs text-text-3">{firing.missed >= 100 ? "100 or more" : firing.missed} before it were let go</p>}
    </li>
  );
}
