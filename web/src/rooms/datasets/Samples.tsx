/** The pairs themselves: prompt, chosen, rejected, with what differs; as many as there are, only those in sight drawn. */
"use client";

import { useVirtualizer } from "@tanstack/react-virtual";
import { Database } from "lucide-react";
import Link from "next/link";
import { useEffect, useRef, useState } from "react";

import type { PairShown, Split } from "@/kit/api/schema";
import { Untrusted } from "@/kit/text/Untrusted";
import { WordDiff } from "@/kit/text/WordDiff";
import { href } from "@/kit/url";
import { CheckField, SelectField } from "@/kit/ui/Field";
import { EmptyState, ErrorBox, Skeleton } from "@/kit/ui/Moments";

import { textOf } from "./pair";
import { usePairs, type Version } from "./queries";

export function Samples({ version }: { version: Version }) {
  const [split, setSplit] = useState<Split | "">("");
  const [diff, setDiff] = useState(true);
  const pairs = usePairs(version.id, split || undefined);
  const rows = pairs.data?.pages.flatMap((page) => page.items) ?? [];
  const scroller = useRef<HTMLDivElement>(null);
  // eslint-disable-next-line react-hooks/incompatible-library -- its values stay in this component
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => scroller.current, estimateSize: () => 190, overscan: 5, getItemKey: (at) => rows[at]!.pair_hash });
  const seen = virtual.getVirtualItems();
  const last = seen.at(-1)?.index ?? 0;
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = pairs;
  useEffect(() => { if (hasNextPage && !isFetchingNextPage && last >= rows.length - 20) void fetchNextPage(); }, [hasNextPage, isFetchingNextPage, fetchNextPage, last, rows.length]);
  return (
    <>
      <div className="flex shrink-0 flex-wrap items-end gap-4 px-6 py-3 max-md:px-3">
        <SelectField bare label="Which pairs" value={split} options={[{ value: "", label: `All ${version.pairs} pairs` }, { value: "train", label: `${version.pairs_train} to learn from` }, { value: "eval", label: `${version.pairs_eval} held out` }]} onChange={(event) => setSplit(event.target.value as Split | "")} />
        <CheckField label="Mark what differs" checked={diff} onChange={(event) => setDiff(event.target.checked)} className="pb-1.5" />
      </div>
      {pairs.error ? <div className="px-6"><ErrorBox error={pairs.error} retry={() => void pairs.refetch()} /></div>
        : pairs.isLoading ? <Skeleton rows={6} label="Loading the pairs" />
        : rows.length === 0 ? <EmptyState icon={Database} title="No pair is here" />
        : (
          <div ref={scroller} tabIndex={0} role="group" aria-label="Pairs" className="min-h-0 flex-1 overflow-y-auto border-t border-border -outline-offset-2 max-md:pb-16">
            <ul style={{ height: virtual.getTotalSize() }} className="relative">
              {seen.map((at) => (
                <li key={at.key} ref={virtual.measureElement} data-index={at.index} className="absolute inset-x-0 border-b border-border px-6 py-4 max-md:px-3" style={{ transform: `translateY(${at.start}px)` }}><Pair pair={rows[at.index]!} diff={diff} /></li>
              ))}
            </ul>
          </div>
        )}
    </>
  );
}

function Pair({ pair, diff }: { pair: PairShown; diff: boolean }) {
  const chosen = textOf(pair.chosen), rejected = textOf(pair.rejected);
  const judges = [...new Set(pair.judges.map((judge) => judge.name))].join(", ");
  const side = (which: "chosen" | "rejected") => (
    <div className="min-w-0 rounded-control border border-border p-3">
      <p className="mb-1 flex items-center gap-2 text-xs text-text-3"><span aria-hidden className={`size-2 rounded-full ${which === "chosen" ? "bg-cat-1" : "bg-cat-2"}`} /> {which}
        {(which === "chosen" ? pair.chosen_interaction_id : pair.rejected_interaction_id) && <Link className="ml-auto text-accent hover:underline" href={href("/interactions/turn", { id: which === "chosen" ? pair.chosen_interaction_id : pair.rejected_interaction_id })}>the turn</Link>}</p>
      {diff ? <WordDiff before={rejected} after={chosen} only={which === "chosen" ? "after" : "before"} className="text-text" /> : <Untrusted text={which === "chosen" ? chosen : rejected} className="text-text" />}
    </div>
  );
  return (
    <article aria-label={`Pair ${pair.position + 1}`}>
      <div className="mb-2 flex gap-3">
        <span className="nums text-text-3">{pair.position + 1}</span>
        <Untrusted text={textOf(pair.prompt)} className="line-clamp-3 min-w-0 flex-1 font-[550] text-text" />
      </div>
      <div className="grid gap-3 md:grid-cols-2">{side("chosen")}{side("rejected")}</div>
      <p className="nums mt-1.5 flex flex-wrap gap-x-4 text-xs text-text-3"><span>{pair.split === "train" ? "to learn from" : "held out"}</span><Untrusted inline text={`topic ${pair.topic.slice(0, 40)}`} /><span>by {pair.source}</span>{pair.margin !== null && <span>margin {pair.margin.toFixed(2)}</span>}<Untrusted inline text={judges} /></p>
    </article>
  );
}
