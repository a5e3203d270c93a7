/** Who executes jobs, for who runs the installation: what each takes and holds; drained here. */
"use client";

import { Play, SquareArrowOutUpRight } from "lucide-react";
import Link from "next/link";

import { ApiError } from "@/kit/api/client";
import type { WorkerShown } from "@/kit/api/schema";
import { ago } from "@/kit/format/format";
import { Button } from "@/kit/ui/Button";
import { Card } from "@/kit/ui/Card";
import { Tag } from "@/kit/ui/Chip";
import { ErrorBox, Skeleton } from "@/kit/ui/Moments";
import { say } from "@/kit/ui/Toast";

import { useWorkers, useWorkerSteering } from "./queries";
import { heldBy } from "./works";

export function Workers() {
  const { data, error, isPending, refetch } = useWorkers();
  if (error instanceof ApiError && error.status === 403) return null; // they are the operator's
  return (
    <Card title="Workers" note="processes that execute jobs" flush>
      {isPending && <Skeleton rows={1} />}
      {error && <div className="px-4 pb-3"><ErrorBox error={error} retry={() => void refetch()} /></div>}
      {data?.items.length === 0 && <p className="border-t border-border px-4 py-3">No worker runs: start one with <code>camel-ext worker</code>.</p>}
      <ul>{data?.items.map((worker) => <Worker key={worker.id} worker={worker} />)}</ul>
    </Card>
  );
}

function Worker({ worker }: { worker: WorkerShown }) {
  const steer = useWorkerSteering(worker.id);
  const drains = worker.draining_since !== null;
  const change = (wanted: boolean) => steer.mutate(wanted, {
    onSuccess: () => say(wanted ? `${worker.name} takes no more jobs` : `${worker.name} takes jobs again`, () => steer.mutate(!wanted)),
  });
  return (
    <li className="border-t border-border px-4 py-1.5">
      <div className="flex min-h-(--row) flex-wrap items-center gap-x-4 gap-y-1">
        <span data-varies className="font-mono text-xs text-text lg:min-w-56">{worker.name}</span>
        <Tag>{worker.queues === null ? "all queues" : worker.queues.join(", ")}</Tag>
        <span className="nums text-text-2"><Link href={heldBy(worker.id)} className="text-accent underline max-md:inline-flex max-md:h-11 max-md:items-center">holds {worker.held}</Link> of {worker.concurrency}</span>
        <span data-varies className="nums text-text-3">heard of {ago(worker.heartbeat_at)}</span>
        {drains && <span className="text-attention">takes no more</span>}
        <span className="ml-auto">
          {drains
            ? <Button icon={Play} busy={steer.isPending} onClick={() => change(false)}>Take jobs again</Button>
            : <Button kind="quiet" icon={SquareArrowOutUpRight} busy={steer.isPending} onClick={() => change(true)}>Drain</Button>}
        </span>
      </div>
      {steer.error && <ErrorBox error={steer.error} />}
    </li>
  );
}
