/** The queue: how deep and how old, what runs, what died and why, who executes; and the levers for it. */
"use client";

import { Card, PageHeader } from "@/kit/ui/Card";
import { ErrorBox, Skeleton } from "@/kit/ui/Moments";
import { TabLinks } from "@/kit/ui/TabLinks";
import { href, useUrl } from "@/kit/url";

import { JobRow } from "./JobRow";
import { Limits } from "./Limits";
import { Queues } from "./Queues";
import { type Look, useJobs, useQueues } from "./queries";
import { Workers } from "./Workers";

const LOOKS: { id: Look; word: string; empty: string }[] = [
  { id: "open", word: "Under way", empty: "Nothing is queued, runs or waits." },
  { id: "dead", word: "Dead letters", empty: "No job ran out of tries." },
  { id: "all", word: "All", empty: "There was no job yet." },
];

export function Jobs() {
  const { get } = useUrl();
  const look = LOOKS.find((each) => each.id === get("show")) ?? LOOKS[0]!;
  const { data: queues } = useQueues();
  const dead = queues?.items.reduce((sum, queue) => sum + queue.dead, 0);
  return (
    <>
      <PageHeader title="Jobs" note="What takes time is a job: what waits, what runs where, what died and why." />
      <div className="grid max-w-6xl gap-3.5">
        <Queues />
        <Card flush>
          <div className="px-4">
            <TabLinks label="Which jobs" current={look.id} tabs={LOOKS.map(({ id, word }) => ({ id, word, href: href("/settings/jobs", { show: id === "open" ? null : id }), note: id === "dead" && dead ? dead : undefined }))} />
          </div>
          <Listed key={look.id} look={look} />
        </Card>
        <Limits />
        <Workers />
      </div>
    </>
  );
}

function Listed({ look }: { look: (typeof LOOKS)[number] }) {
  const { data, error, isPending, refetch } = useJobs(look.id);
  if (isPending) return <Skeleton rows={4} />;
  if (error) return <div className="p-4"><ErrorBox error={error} retry={() => void refetch()} /></div>;
  if (data.length === 0) return <p className="px-4 py-3 text-text-2">{look.empty}</p>;
  return <ul>{data.map((job) => <JobRow key={job.id} job={job} />)}</ul>;
}
