/** The queue: how deep and how old, what runs, what died and why, who executes; and the levers for it. */
"use client";

import { X } from "lucide-react";

import { shortId } from "@/kit/format/format";
import { Card, PageHeader } from "@/kit/ui/Card";
import { ErrorBox, Skeleton } from "@/kit/ui/Moments";
import { TabLinks } from "@/kit/ui/TabLinks";
import { href, useUrl } from "@/kit/url";

import { DeadLetters } from "./DeadLetters";
import { JobRow } from "./JobRow";
import { Limits } from "./Limits";
import { Queues } from "./Queues";
import { type Look, useJobs, useQueues, useWorkers } from "./queries";
import { Workers } from "./Workers";
import { LIST } from "./works";

const LOOKS: { id: Look; word: string; empty: string }[] = [
  { id: "open", word: "Under way", empty: "Nothing is queued, runs or waits." },
  { id: "dead", word: "Dead letters", empty: "No job ran out of tries." },
  { id: "all", word: "All", empty: "There was no job yet." },
];

const NONE_HELD = "This worker holds no job of this project now.";

export function Jobs() {
  const { get, set } = useUrl();
  const worker = get("worker");
  const look = LOOKS.find((each) => each.id === get("show")) ?? LOOKS[0]!;
  const { data: queues } = useQueues();
  const dead = queues?.items.reduce((sum, queue) => sum + queue.dead, 0);
  return (
    <>
      <PageHeader title="Jobs" note="What takes time is a job: what waits, what runs where, what died and why." />
      <div className="grid max-w-6xl gap-3.5">
        <Queues />
        <Card flush id={LIST}>
          <div className="px-4">
            <TabLinks label="Which jobs" current={look.id} tabs={LOOKS.map(({ id, word }) => ({ id, word, href: href("/settings/jobs", { show: id === "open" ? null : id }), note: id === "dead" && dead ? dead : undefined }))} />
          </div>
          {worker && <HeldBy worker={worker} onRemove={() => set({ worker: null })} />}
          {look.id === "dead" && !worker && <DeadLetters />}
          <Listed key={look.id + worker} look={look} worker={worker} />
        </Card>
        <Limits />
        <Workers />
      </div>
    </>
  );
}

/** The filter by a worker, by its name where one may see the workers; a press takes it away. */
function HeldBy({ worker, onRemove }: { worker: string; onRemove: () => void }) {
  const { data } = useWorkers();
  const name = data?.items.find((each) => each.id === worker)?.name ?? shortId(worker);
  return (
    <div className="px-4 pt-2.5 pb-1">
      <button type="button" aria-label={`Remove the filter: held by ${name}`} title="Remove the filter" onClick={onRemove}
        className="inline-flex h-7 max-w-full items-center gap-1.5 rounded-control border border-border bg-sunken px-2 text-sm text-text-2 hover:text-text max-md:h-11">
        held by <span data-varies className="truncate font-mono text-xs text-text">{name}</span><X aria-hidden size={14} strokeWidth={1.75} className="shrink-0" />
      </button>
    </div>
  );
}

function Listed({ look, worker }: { look: (typeof LOOKS)[number]; worker: string | null }) {
  const { data, error, isPending, refetch } = useJobs(look.id, worker);
  if (isPending) return <Skeleton rows={4} />;
  if (error) return <div className="p-4"><ErrorBox error={error} retry={() => void refetch()} /></div>;
  if (data.length === 0) return <p className="px-4 py-3 text-text-2">{worker ? NONE_HELD : look.empty}</p>;
  return <ul>{data.map((job) => <JobRow key={job.id} job={job} />)}</ul>;
}
