/** The queues: what waits to be judged, and how far each is. */
"use client";

import { EyeOff, PenLine } from "lucide-react";
import Link from "next/link";

import type { QueueShown } from "@/kit/api/schema";
import { ago, digits } from "@/kit/format/format";
import { href } from "@/kit/url";
import { Button } from "@/kit/ui/Button";
import { Card, PageHeader } from "@/kit/ui/Card";
import { EmptyState, ErrorBox, Skeleton } from "@/kit/ui/Moments";

import { useQueues } from "./queries";
import { KINDS } from "./words";

export function Queues() {
  const queues = useQueues();
  const rows = queues.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <>
      <PageHeader title="Annotate" note="Which answer is right?" />
      {queues.error ? <ErrorBox error={queues.error} retry={() => void queues.refetch()} />
        : queues.isLoading ? <Skeleton rows={4} label="Loading the queues" />
        : rows.length === 0 ? <EmptyState icon={PenLine} title="No pairs to judge yet" command="camel-ext queue add tone choice --run last">Pairs appear when a goal is answered twice.</EmptyState>
        : <Card flush><ul className="divide-y divide-border">{rows.map((queue) => <Row key={queue.id} queue={queue} />)}</ul></Card>}
      {queues.hasNextPage && <Button className="mt-3" busy={queues.isFetchingNextPage} onClick={() => void queues.fetchNextPage()}>Older queues</Button>}
    </>
  );
}

function Row({ queue }: { queue: QueueShown }) {
  const share = queue.items_total ? queue.items_done / queue.items_total : 0;
  return (
    <li>
      <Link href={href("/annotations/queue", { id: queue.id })} className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-3 hover:bg-hover">
        <span className="min-w-40 flex-1"><span className="font-[550] text-text">{queue.name}</span> <span className="block text-text-3">{KINDS[queue.kind].word}: {KINDS[queue.kind].says}</span></span>
        {queue.blind && <span className="inline-flex items-center gap-1.5 text-text-3"><EyeOff aria-hidden size={14} /> Blind</span>}
        <span aria-hidden className="h-1.5 w-40 overflow-hidden rounded-full bg-sunken"><span className="block h-full bg-accent" style={{ width: `${share * 100}%` }} /></span>
        <span className="nums w-32 text-right"><strong>{digits(queue.items_done)}</strong> of {digits(queue.items_total)}</span>
        <span className="w-28 text-right text-text-3">{queue.closed_at ? "Closed" : ago(queue.created_at)}</span>
      </Link>
    </li>
  );
}
