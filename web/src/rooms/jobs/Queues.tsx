/** Each queue in a line: how deep, how old, how fast; paused and resumed here. */
"use client";

import clsx from "clsx";
import { Pause, Play } from "lucide-react";

import type { JobQueueShown } from "@/kit/api/schema";
import { count, duration } from "@/kit/format/format";
import { Button } from "@/kit/ui/Button";
import { Card } from "@/kit/ui/Card";
import { Chip } from "@/kit/ui/Chip";
import { ErrorBox, Skeleton } from "@/kit/ui/Moments";
import { say } from "@/kit/ui/Toast";

import { useQueues, useQueueSteering } from "./queries";

export function Queues() {
  const { data, error, isPending, refetch } = useQueues();
  return (
    <Card title="Queues" note="one for each room that works" flush>
      {isPending && <Skeleton rows={5} />}
      {error && <div className="px-4 pb-3"><ErrorBox error={error} retry={() => void refetch()} /></div>}
      <ul>{data?.items.map((queue) => <Queue key={queue.name} queue={queue} />)}</ul>
    </Card>
  );
}

function Queue({ queue }: { queue: JobQueueShown }) {
  const steer = useQueueSteering(queue.name);
  const paused = queue.paused_at !== null;
  const change = (pauses: boolean) => steer.mutate(pauses, {
    onSuccess: () => say(pauses ? `${queue.name} is paused; what runs goes on` : `Workers take from ${queue.name} again`, () => steer.mutate(!pauses)),
  });
  return (
    <li className="border-t border-border px-4 py-1.5">
      <div className="flex min-h-(--row) flex-wrap items-center gap-x-4 gap-y-1">
        <span className="flex min-w-32 items-center gap-2 font-[550] text-text">{queue.name}{paused && <Chip tone="cancelled" icon={Pause}>Paused</Chip>}</span>
        <Figure word="queued" value={queue.queued} note={queue.oldest_due_s === null ? undefined : `oldest ${duration(queue.oldest_due_s)}`} />
        <Figure word="running" value={queue.running} />
        <Figure word="waiting" value={queue.waiting} />
        <Figure word="done in an hour" value={queue.succeeded_last_hour} wide />
        <Figure word="failed" value={queue.failed_last_hour} bad />
        <Figure word="dead" value={queue.dead} bad />
        <span className="ml-auto">
          {paused
            ? <Button icon={Play} aria-label={`Resume ${queue.name}`} busy={steer.isPending} onClick={() => change(false)}>Resume</Button>
            : <Button kind="quiet" icon={Pause} aria-label={`Pause ${queue.name}`} busy={steer.isPending} onClick={() => change(true)}>Pause</Button>}
        </span>
      </div>
      {steer.error && <ErrorBox error={steer.error} />}
    </li>
  );
}

function Figure({ word, value, note, bad = false, wide = false }: { word: string; value: number; note?: string | undefined; bad?: boolean; wide?: boolean }) {
  return (
    <span className={clsx("nums whitespace-nowrap text-text-3", wide ? "lg:min-w-36" : "lg:min-w-24", value === 0 && "max-md:hidden")}>
      <span className={clsx(value > 0 && "font-[550]", value > 0 && bad ? "text-failed" : value > 0 ? "text-text" : "text-text-3")}>{count(value)}</span> {word}{note && `, ${note}`}
    </span>
  );
}
