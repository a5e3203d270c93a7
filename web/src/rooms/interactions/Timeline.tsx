/** All calls over time, failed ones in red. Dragging or its two handles edit the filter's times; double click clears them. */
"use client";

import clsx from "clsx";
import { useRef, useState } from "react";

import type { HistogramShown } from "@/kit/api/schema";
import { clockTime, digits } from "@/kit/format/format";

import { chosenBetween, type Range, shareOf } from "./brush";

interface TimelineProps {
  shown: HistogramShown;
  chosen: { since: number | null; until: number | null };
  /** Its right end is now. */
  isNow: boolean;
  onChange: (since: number | null, until: number | null) => void;
}

const when = (time: number) => clockTime(new Date(time).toISOString());

export function Timeline({ shown, chosen, isNow, onChange }: TimelineProps) {
  const line = useRef<HTMLDivElement>(null);
  const [drag, setDrag] = useState<[number, number] | null>(null);
  const range: Range = { since: Date.parse(shown.since), until: Date.parse(shown.until) };
  const parts = shown.buckets.length;
  const most = Math.max(1, ...shown.buckets.map((each) => each.count ?? 0));
  const dragged = drag ? chosenBetween(drag[0], drag[1], parts, range, isNow) : null;
  const since = dragged?.since ?? chosen.since, until = dragged ? dragged.until : chosen.until;
  const from = since === null ? 0 : shareOf(since, range), to = until === null ? 1 : shareOf(until, range);
  const whole = since === null && until === null;
  const place = (event: React.PointerEvent) => { const box = line.current!.getBoundingClientRect(); return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)); };
  const part = (range.until - range.since) / Math.max(1, parts);
  const nudge = (edge: "since" | "until", by: number) => {
    if (edge === "since") onChange(Math.min((since ?? range.since) + by * part, (until ?? range.until) - part), until);
    else { const next = Math.max((until ?? range.until) + by * part, (since ?? range.since) + part); onChange(since, next >= range.until && isNow ? null : next); }
  };
  return (
    <div className="px-6 max-md:px-3">
      <div ref={line} role="group" aria-label="Turns over time" className="relative flex h-14 cursor-crosshair touch-pan-y items-end gap-px border-b border-border select-none"
        onDoubleClick={() => onChange(null, null)}
        onPointerDown={(event) => { if (event.button !== 0) return; event.currentTarget.setPointerCapture(event.pointerId); const at = place(event); setDrag([at, at]); }}
        onPointerMove={(event) => drag && setDrag([drag[0], place(event)])}
        onPointerCancel={() => setDrag(null)}
        onPointerUp={() => { if (dragged) onChange(dragged.since, dragged.until); setDrag(null); }}>
        {!whole && <div aria-hidden className="absolute inset-y-0 border-x-2 border-accent bg-accent-soft" style={{ left: `${from * 100}%`, right: `${(1 - to) * 100}%` }} />}
        {shown.buckets.map((each, at) => {
          const inside = (at + 0.5) / parts >= from && (at + 0.5) / parts <= to;
          const title = `${clockTime(each.since)}: ${each.count === null ? "not looked at" : `${digits(each.count)} turns, ${digits(each.errors ?? 0)} failed`}`;
          return (
            <div key={at} title={title} className={clsx("relative flex h-full min-w-0 flex-1 flex-col justify-end", !inside && "opacity-40")}>
              {each.count === null ? <span className="h-1 bg-sunken" /> : each.count > 0 && (
                <>
                  <span className="rounded-t-[2px] bg-cat-1" style={{ height: `max(2px, ${((each.count - (each.errors ?? 0)) / most) * 100}%)` }} />
                  {!!each.errors && <span className="bg-failed" style={{ height: `max(2px, ${(each.errors / most) * 100}%)` }} />}
                </>
              )}
            </div>
          );
        })}
        {(["since", "until"] as const).map((edge) => (
          <div key={edge} role="slider" tabIndex={0} aria-label={edge === "since" ? "From" : "Until"} aria-valuemin={range.since} aria-valuemax={range.until}
            aria-valuenow={(edge === "since" ? since : until) ?? range[edge]} aria-valuetext={edge === "until" && until === null ? "now" : when((edge === "since" ? since : until) ?? range[edge])}
            onKeyDown={(event) => { const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key]; if (by) { event.preventDefault(); nudge(edge, by); } }}
            onPointerDown={(event) => { event.stopPropagation(); if (event.button === 0) { line.current!.setPointerCapture(event.pointerId); const fixed = edge === "since" ? to : from; setDrag([fixed, place(event)]); } }}
            className={clsx("absolute top-1/2 h-6 w-2 -translate-x-1/2 -translate-y-1/2 cursor-ew-resize rounded-full border-2 border-accent bg-surface", whole && "pointer-events-none opacity-0 focus-visible:opacity-100")} style={{ left: `${(edge === "since" ? from : to) * 100}%` }} />
        ))}
      </div>
      <div aria-hidden className="nums flex justify-between pt-0.5 pb-1.5 text-2xs text-text-3">
        {[0, 0.25, 0.5, 0.75].map((share) => <span key={share}>{when(range.since + share * (range.until - range.since))}</span>)}<span>{isNow ? "now" : when(range.until)}</span>
      </div>
    </div>
  );
}
