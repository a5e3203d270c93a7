/** The queues: what waits to be judged, and how far each is. */
"use client";

import { EyeOff, PenLine, Plus } from "lucide-react";
import Link from "next/link";
import { useState } from "react";

import type { QueueShown } from "@/kit/api/schema";
import { ago, digits } from "@/kit/format/format";
import { href } from "@/kit/url";
import { Button, LinkButton } from "@/kit/ui/Button";
import { Card } from "@/kit/ui/Card";
import { Dialog } from "@/kit/ui/Dialog";
import { EmptyState, ErrorBox, Skeleton } from "@/kit/ui/Moments";
import { say } from "@/kit/ui/Toast";

import { useCloseQueue } from "./lists";
import { useQueues } from "./queries";
import { KINDS } from "./words";

export function Queues({ onMake }: { onMake: () => void }) {
  const queues = useQueues();
  const [closing, setClosing] = useState<QueueShown | null>(null);
  const close = useCloseQueue();
  const rows = queues.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <div className="min-h-0 flex-1 space-y-3 overflow-y-auto px-6 py-4 max-md:px-3 max-md:pb-20">
      {queues.error ? <ErrorBox error={queues.error} retry={() => void queues.refetch()} />
        : queues.isLoading ? <Skeleton rows={4} label="Loading the queues" />
        : rows.length === 0 ? <EmptyState icon={PenLine} title="No pairs to judge yet" command="camel-ext fork last -k 2" action={<><Button kind="ink" icon={Plus} onClick={onMake}>Make a queue</Button><LinkButton href="/workflows/">Answer a goal twice</LinkButton></>}>Pairs appear when a goal is answered twice.</EmptyState>
        : <Card flush><ul className="divide-y divide-border">{rows.map((queue) => <Row key={queue.id} queue={queue} onClose={() => setClosing(queue)} />)}</ul></Card>}
      {queues.hasNextPage && <Button busy={queues.isFetchingNextPage} onClick={() => void queues.fetchNextPage()}>Older queues</Button>}
      {closing && (
        <Dialog open onClose={() => setClosing(null)} title={`Close ${closing.name}?`} actions={<><Button onClick={() => setClosing(null)}>Keep it open</Button>
          <Button kind="danger-fill" busy={close.isPending} onClick={() => close.mutate(closing.id, { onSuccess: () => { say(`${closing.name} is closed`); setClosing(null); } })}>Close the queue</Button></>}>
          <p>It gives nothing out any more, and cannot be opened again. {digits(closing.items_total - closing.items_done)} items stay without a judgement; what people have taken can still be judged.</p>
          {close.error && <ErrorBox error={close.error} />}
        </Dialog>
      )}
    </div>
  );
}

function Row({ queue, onClose }: { queue: QueueShown; onClose: () => void }) {
  const share = queue.items_total ? queue.items_done / queue.items_total : 0;
  const left = queue.items_total - queue.items_done;
  const open = queue.closed_at === null && left > 0;
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-2 px-4 py-3 hover:bg-hover">
      <Link href={href("/annotations/queue", { id: queue.id })} className="min-w-48 flex-1">
        <span className="flex items-center gap-2 font-[550] text-text">{queue.name} {queue.blind && <span className="inline-flex items-center gap-1 text-xs font-normal text-text-3"><EyeOff aria-hidden size={14} /> blind</span>}</span>
        <span className="block text-text-3">{KINDS[queue.kind].word}: {KINDS[queue.kind].says}{queue.annotators > 1 && `; ${queue.annotators} people each`}</span>
      </Link>
      <span className="nums w-44">
        <span className="flex justify-between"><span><strong>{digits(queue.items_done)}</strong> of {digits(queue.items_total)}</span>{queue.items_reserved > 0 && <span className="text-text-3">{queue.items_reserved} taken</span>}</span>
        <span role="progressbar" aria-label={`Judged in ${queue.name}`} aria-valuemin={0} aria-valuemax={queue.items_total} aria-valuenow={queue.items_done} className="mt-1 block h-1.5 overflow-hidden rounded-full bg-sunken"><span className="block h-full bg-accent" style={{ width: `${share * 100}%` }} /></span>
      </span>
      <span className="w-20 text-right text-text-3">{queue.closed_at ? "closed" : left === 0 ? "all judged" : ago(queue.created_at)}</span>
      <span className="flex w-60 justify-end gap-1.5">
        {open && <Button kind="quiet" onClick={onClose} className="px-2">Close</Button>}
        <LinkButton kind="quiet" href={href("/annotations/queue", { id: queue.id, view: "bulk" })} className="px-2">Bulk</LinkButton>
        {open && <LinkButton href={href("/annotations/queue", { id: queue.id })} icon={PenLine}>Judge</LinkButton>}
      </span>
    </li>
  );
}
