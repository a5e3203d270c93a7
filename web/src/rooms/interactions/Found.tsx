/** How many were found and how fast, and the time line of what the rest of the filter leaves. */
"use client";

import { withFilter } from "@/kit/filter/parse";
import { clockTime, digits, duration } from "@/kit/format/format";

import { filterTime, windowOf } from "./brush";
import type { Filter } from "./fields";
import { useCount, useHistogram } from "./queries";
import { Timeline } from "./Timeline";

const PARTS = 80;

interface FoundProps {
  filter: Filter;
  params: Record<string, string>;
  tookMs: number | null;
  /** The rows are there. */
  ready: boolean;
  source: string;
  write: (source: string) => void;
}

export function Found({ filter, params, tookMs, ready, source, write }: FoundProps) {
  const found = useCount(filter, ready).data;
  const { since, until } = params;
  const rest: Filter = Object.fromEntries(Object.entries(filter).filter(([name]) => name !== "since" && name !== "until"));
  const all = useHistogram(rest, PARTS, ready).data;
  const chosen = { since: params.since ? Date.parse(params.since) : null, until: params.until ? Date.parse(params.until) : null };
  const whole = all && { since: Date.parse(all.since), until: Date.parse(all.until) };
  const part = whole && windowOf(whole, chosen);
  const narrow = part && whole && (part.since !== whole.since || part.until !== whole.until);
  const close = useHistogram(narrow ? { ...rest, since: new Date(part.since).toISOString(), until: new Date(part.until).toISOString() } : rest, PARTS, ready).data;
  const shown = narrow ? close : all;
  const change = (from: number | null, to: number | null) => write(withFilter(withFilter(source, "since", filterTime(from)), "until", filterTime(to)));
  return (
    <>
      <p className="nums flex flex-wrap gap-x-4 px-6 pt-2 pb-1 text-text-2 max-md:px-3" role="status">
        {found && <span><strong>{found.exact ? digits(found.count) : `${digits(found.count)}${found.searched_until ? " so far" : " and more"}`}</strong> {found.count === 1 ? "turn" : "turns"}{tookMs !== null && `, found in ${duration(tookMs / 1000)}`}{found.searched_until && `; looked back to ${clockTime(found.searched_until)}`}</span>}
        {(since || until) && <span className="ml-auto">{since ? clockTime(since) : "From the beginning"} to {until ? clockTime(until) : "now"} <button type="button" className="ml-1 min-h-6 text-accent hover:underline" onClick={() => change(null, null)}>All times</button></span>}
        {!since && !until && <span className="ml-auto flex items-center gap-3 text-xs text-text-3"><span className="flex items-center gap-1.5"><i className="size-2.5 rounded-[2px] bg-cat-1" /> succeeded</span><span className="flex items-center gap-1.5"><i className="size-2.5 rounded-[2px] bg-failed" /> failed</span></span>}
      </p>
      {shown && shown.buckets.length > 0 ? <Timeline shown={shown} chosen={chosen} isNow={!part || part.until === whole.until} onChange={change} /> : <div className="h-[78px]" />}
    </>
  );
}
