/** Each queue in a line: how deep, how old, how fast; paused and resumed here. */
"use client";

import clsx from "clsx";
import { Pause, Play } from "lucide-react";

import type { JobQueueShown } from "@/kit/api/schema";
import { count, duration, rate, UNKNOWN } from "@/kit/format/format";
import { Button } from "@/kit/ui/Button";
import { Card } from "@/kit/ui/Card";
import { Chip } from "@/kit/ui/Chip";
import { ErrorBox, Skeleton } from "@/kit/ui/Moments";
import { say } from "@/kit/ui/Toast";

import { useQueues, useQueueSteering } from "./queries";

/** The figures of a queue: the heading of a column is what a phone, which has no columns, writes behind the number. */
const FIGURES: { word: string; of: (queue: JobQueueShown) => number | null; write?: (value: number) => string; bad?: boolean; varies?: boolean }[] = [
  { word: "queued", of: (queue) => queue.queued },
  { word: "oldest", of: (queue) => queue.oldest_due_s, write: duration, varies: true },
  { word: "running", of: (queue) => queue.running },
  { word: "waiting", of: (queue) => queue.waiting },
  { word: "started/min", of: (queue) => queue.started_per_min, write: rate, varies: true },
  { word: "finished/min", of: (queue) => queue.finished_per_min, write: rate, varies: true },
  { word: "done/h", of: (queue) => queue.succeeded_last_hour },
  { word: "failed", of: (queue) => queue.failed_last_hour, bad: true },
  { word: "dead", of: (queue) => queue.dead, bad: true },
];
const PHONE_LINE = "max-md:block max-md:p-0"; // there a row is a flowing paragraph: the name and the lever, then what is not 0

export function Queues() {
  const { data, error, isPending, refetch } = useQueues();
  return (
    <Card title="Queues" note="one for each room; rates of the last 5 min" flush>
      {isPending && <Skeleton rows={5} />}
      {error && <div className="px-4 pb-3"><ErrorBox error={error} retry={() => void refetch()} /></div>}
      {data && (
        <div className="overflow-x-auto">
          <table aria-label="Queues" className="w-full max-md:block">
            <thead className="max-md:hidden">
              <tr className="text-right text-xs whitespace-nowrap text-text-3">
                <th scope="col" className="pb-1.5 pl-4 text-left font-normal">queue</th>
                {FIGURES.map(({ word }) => <th key={word} scope="col" className="pb-1.5 pl-3 font-normal">{word}</th>)}
                <td />
              </tr>
            </thead>
            <tbody className="max-md:block">{data.items.map((queue) => <Queue key={queue.name} queue={queue} />)}</tbody>
          </table>
        </div>
      )}
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
    <>
      <tr className="border-t border-border max-md:flex max-md:flex-wrap max-md:items-center max-md:gap-x-3 max-md:px-4 max-md:py-1.5">
        <th scope="row" className={clsx("py-0.5 pl-4 text-left font-[550] text-text max-md:basis-[calc(100%-9rem)]", PHONE_LINE)}>
          <span className="inline-flex min-h-(--row) items-center gap-2">{queue.name}{paused && <Chip tone="cancelled" icon={Pause}>Paused</Chip>}</span>
        </th>
        {FIGURES.map(({ word, of, write = count, bad = false, varies = false }) => {
          const value = of(queue);
          return (
            <td key={word} className={clsx("nums pl-3 text-right whitespace-nowrap text-text-3 max-md:order-1", PHONE_LINE, !value && "max-md:hidden")}>
              <span data-varies={varies || undefined} title={value === null ? "nothing is due" : undefined} className={clsx(value && "font-[550]", value && (bad ? "text-failed" : "text-text"))}>
                {value === null ? UNKNOWN : write(value)}
              </span>
              <span className="md:hidden"> {word}</span>
            </td>
          );
        })}
        <td className={clsx("py-0.5 pr-4 pl-3 text-right max-md:basis-32", PHONE_LINE)}>
          {paused
            ? <Button icon={Play} aria-label={`Resume ${queue.name}`} busy={steer.isPending} onClick={() => change(false)}>Resume</Button>
            : <Button kind="quiet" icon={Pause} aria-label={`Pause ${queue.name}`} busy={steer.isPending} onClick={() => change(true)}>Pause</Button>}
        </td>
      </tr>
      {steer.error && <tr className={PHONE_LINE}><td colSpan={FIGURES.length + 2} className={clsx("px-4 pb-2", PHONE_LINE)}><ErrorBox error={steer.error} /></td></tr>}
    </>
  );
}
