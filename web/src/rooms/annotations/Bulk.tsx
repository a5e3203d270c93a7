/** Many items of a queue at once, a verdict on each row. What stands there is fetched as it comes into sight. */
"use client";

import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import clsx from "clsx";
import { Check, LoaderCircle, PenLine } from "lucide-react";
import { useEffect, useRef } from "react";

import { api, idempotencyKey, unwrap } from "@/kit/api/client";
import type { ItemListed, ItemShown, QueueShown } from "@/kit/api/schema";
import { Untrusted } from "@/kit/text/Untrusted";
import { EmptyState, ErrorBox, Skeleton } from "@/kit/ui/Moments";
import { say } from "@/kit/ui/Toast";

import { bodiesOf, type Draft, EMPTY, letterOf, RATING, wordOf } from "./draft";
import { server } from "./queries";
import { answerOf, askedOf, promptOf } from "./words";

const STATES: Record<ItemListed["state"], string> = { open: "open", reserved: "taken", skipped: "skipped", done: "judged" };

export function Bulk({ queue }: { queue: QueueShown }) {
  const items = useInfiniteQuery({
    queryKey: ["annotation-queues", queue.id, "items"],
    queryFn: ({ pageParam }) => unwrap(api.GET("/api/v1/annotation-queues/{queue_id}/items", { params: { path: { queue_id: queue.id }, query: { limit: 100, ...(pageParam && { cursor: pageParam }) } } })),
    initialPageParam: "", getNextPageParam: (last) => last.next_cursor,
  });
  const rows = items.data?.pages.flatMap((page) => page.items) ?? [];
  const scroller = useRef<HTMLDivElement>(null);
  // eslint-disable-next-line react-hooks/incompatible-library -- its values stay in this component
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => scroller.current, estimateSize: () => 132, overscan: 6, getItemKey: (at) => rows[at]!.id });
  const seen = virtual.getVirtualItems();
  const last = seen.at(-1)?.index ?? 0;
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = items;
  useEffect(() => { if (hasNextPage && !isFetchingNextPage && last >= rows.length - 20) void fetchNextPage(); }, [hasNextPage, isFetchingNextPage, fetchNextPage, last, rows.length]);
  if (items.error) return <div className="p-6"><ErrorBox error={items.error} retry={() => void items.refetch()} /></div>;
  if (items.isLoading) return <Skeleton rows={6} label="Loading the items" />;
  if (rows.length === 0) return <EmptyState icon={PenLine} title="This queue is empty" />;
  return (
    <div ref={scroller} tabIndex={0} role="group" aria-label="Items of the queue" className="min-h-0 flex-1 overflow-y-auto -outline-offset-2 max-md:pb-16">
      <ul style={{ height: virtual.getTotalSize() }} className="relative">
        {seen.map((at) => (
          <li key={at.key} ref={virtual.measureElement} data-index={at.index} className="absolute inset-x-0 border-b border-border px-6 py-3 max-md:px-3" style={{ transform: `translateY(${at.start}px)` }}>
            <Row queue={queue} listed={rows[at.index]!} />
          </li>
        ))}
      </ul>
    </div>
  );
}

function Row({ queue, listed }: { queue: QueueShown; listed: ItemListed }) {
  const cache = useQueryClient();
  const item = useQuery({
    queryKey: ["annotation-queue-items", listed.id], staleTime: Infinity,
    queryFn: () => unwrap(api.GET("/api/v1/annotation-queue-items/{item_id}", { params: { path: { item_id: listed.id } } })),
  });
  const refresh = () => cache.invalidateQueries({ queryKey: ["annotation-queues"] });
  const judge = useMutation({
    mutationFn: async ({ draft, shown }: { draft: Draft; shown: ItemShown }) => {
      await server.reserve(shown.id);
      let id = "";
      for (const body of bodiesOf(shown, draft, queue, 0)) id = (await server.judge({ ...body, time_spent_ms: null }, idempotencyKey())).id;
      return { id, word: wordOf(shown, draft) };
    },
    onSuccess: ({ id, word }) => { void refresh(); say(`Saved: ${word}`, () => void server.withdraw(id).then(refresh)); },
    onError: () => void refresh(),
  });
  const shown = item.data;
  const done = listed.state === "done";
  return (
    <div className="flex gap-4 max-md:flex-col">
      <div className="min-w-0 flex-1 space-y-1.5">
        {shown ? (
          <>
            <Untrusted text={askedOf(promptOf(shown))} className="line-clamp-2 font-[550] text-text" />
            <div className={clsx("grid gap-3", shown.interaction_ids.length === 2 && "md:grid-cols-2")}>
              {shown.interaction_ids.map((id, at) => (
                <div key={id} className="flex gap-2">{shown.interaction_ids.length > 1 && <span className="font-semibold text-text-3">{letterOf(at)}</span>}<Untrusted text={answerOf(shown, id) || "–"} className="line-clamp-4 min-w-0" /></div>
              ))}
            </div>
          </>
        ) : item.error ? <ErrorBox error={item.error} /> : <span className="block h-20 rounded-control bg-sunken" />}
        {judge.error && <ErrorBox error={judge.error} />}
      </div>
      <div className="flex w-64 shrink-0 flex-col items-end gap-1.5 max-md:w-full max-md:items-start">
        <span className={clsx("inline-flex items-center gap-1", done ? "text-succeeded" : "text-text-3")}>{judge.isPending ? <LoaderCircle aria-hidden size={14} className="animate-spin" /> : done && <Check aria-hidden size={14} />} {STATES[listed.state]}{listed.skip_reason && <>: <Untrusted inline text={listed.skip_reason} /></>}</span>
        {shown && !done && !queue.closed_at && <Verdicts item={shown} queue={queue} busy={judge.isPending} onJudge={(draft) => judge.mutate({ draft: { ...EMPTY, ...draft }, shown })} />}
      </div>
    </div>
  );
}

function Verdicts({ item, queue, busy, onJudge }: { item: ItemShown; queue: QueueShown; busy: boolean; onJudge: (draft: Partial<Draft>) => void }) {
  const options: { word: string; draft: Partial<Draft> }[] =
    item.kind === "choice" ? [{ word: "A", draft: { choice: "first" } }, { word: "Tie", draft: { choice: "tie" } }, { word: "Both bad", draft: { choice: "both_bad" } }, { word: "B", draft: { choice: "second" } }]
    : item.kind === "thumbs" ? [{ word: "Good", draft: { up: true } }, { word: "Not good", draft: { up: false } }]
    : item.kind === "rating" ? Array.from({ length: RATING.high }, (_, at) => ({ word: String(at + 1), draft: { rating: at + 1 } }))
    : item.kind === "labels" ? (queue.labels ?? []).map((label) => ({ word: label, draft: { labels: [label] } }))
    : [];
  if (options.length === 0) return <span className="text-text-3">Judge this form in the focus view</span>;
  return (
    <div role="group" aria-label={`Verdict on: ${askedOf(promptOf(item)).slice(0, 80)}`} className="flex flex-wrap justify-end gap-1 max-md:justify-start">
      {options.map(({ word, draft }) => <button key={word} type="button" disabled={busy} onClick={() => onJudge(draft)} className="h-7 min-w-7 rounded-control border border-border px-2 text-text hover:border-accent-line hover:bg-accent-soft disabled:opacity-45 max-md:h-11 max-md:min-w-11">{word}</button>)}
    </div>
  );
}
