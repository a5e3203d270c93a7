/** Bars on a shared time axis: the lighter part is the wait for the first token, the line is now. Drag zooms, double click resets. */
"use client";

import clsx from "clsx";
import { type PointerEvent, useMemo, useRef, useState } from "react";

import { duration } from "@/kit/format/format";

import { barColour } from "./look";
import { ticks, timeline } from "./timeline";
import type { TraceRow } from "./trace";

export interface Zoom { from_s: number; to_s: number }
export interface Scale { left: (ms: number) => number; ticks: { at: number; word: string }[]; cuts: { at: number; lost_s: number }[] }

/** Where moments lie, in percent of the column's width. */
export function useScale(rows: TraceRow[], now: number | null, zoom: Zoom | null): Scale {
  return useMemo(() => {
    const line = timeline(rows.filter((row) => !row.hasChildren && row.startAt !== null).map((row) => ({ startAt: row.startAt!, endAt: row.endAt ?? Math.max(now ?? row.startAt!, row.startAt!) })));
    const from = zoom?.from_s ?? 0;
    const to = zoom?.to_s ?? Math.max(line.total_s, 0.001);
    const percent = (seconds: number) => ((seconds - from) / (to - from)) * 100;
    const marks = line.total_s > 0 ? ticks(from, to) : []; // before anything took time, there is nothing to measure
    return {
      left: (ms) => percent(line.at(ms)),
      ticks: marks.map((mark, at) => ({ at: percent(mark), word: at === marks.length - 1 ? `${mark} s` : String(mark) })),
      cuts: line.cuts.map((cut) => ({ at: percent(cut.at_s), lost_s: cut.lost_s })).filter((cut) => cut.at > 0 && cut.at < 100),
    };
  }, [rows, now, zoom]);
}

export function Axis({ scale }: { scale: Scale }) {
  return (
    <div className="relative h-full overflow-hidden">
      {scale.ticks.map((tick) => (
        <span key={tick.at} className={clsx("nums absolute top-1/2 -translate-y-1/2 text-xs whitespace-nowrap text-text-3", tick.at > 94 ? "-translate-x-full" : tick.at > 2 && "-translate-x-1/2")} style={{ left: `${tick.at}%` }}>{tick.word}</span>
      ))}
    </div>
  );
}

/** Lines behind all rows. */
export function Grid({ scale, now }: { scale: Scale; now: number | null }) {
  return (
    <div aria-hidden className="pointer-events-none absolute inset-0 overflow-hidden">
      {scale.ticks.map((tick) => <span key={tick.at} className="absolute inset-y-0 w-px bg-border" style={{ left: `${tick.at}%` }} />)}
      {scale.cuts.map((cut) => <span key={cut.at} title={`${duration(cut.lost_s)} without a turn, cut out`} className="absolute inset-y-0 border-l border-dashed border-border-strong" style={{ left: `${cut.at}%` }} />)}
      {now !== null && <span className="absolute inset-y-0 w-0.5 -translate-x-full bg-running" style={{ left: `${Math.min(100, scale.left(now))}%` }} />}
    </div>
  );
}

export function Bar({ row, scale, colours, now }: { row: TraceRow; scale: Scale; colours: ReadonlyMap<string, number>; now: number | null }) {
  if (row.startAt === null) return null;
  const left = scale.left(row.startAt);
  const right = scale.left(row.endAt ?? Math.max(now ?? row.startAt, row.startAt));
  if (right < 0 || left > 100) return null;
  const width = Math.max(0, right - left);
  const wait = row.firstAt === null || width === 0 ? 0 : Math.min(100, ((scale.left(row.firstAt) - left) / width) * 100);
  const group = row.kind === "round" || row.kind === "candidate";
  const colour = barColour(row, colours);
  return (
    <span className={clsx("absolute top-1/2 flex h-3 -translate-y-1/2 overflow-hidden rounded-[3px]", group && "opacity-45")} style={{ left: `${left}%`, width: `${width}%`, minWidth: 2 }}>
      {wait > 0 && <span className="h-full shrink-0" style={{ width: `${wait}%`, background: `color-mix(in oklab, ${colour} 45%, var(--surface))` }} />}
      <span className="h-full flex-1" style={{ background: colour }} />
    </span>
  );
}

/** Drag over a column to zoom into it. Spread `on` over what holds the rows; cells of the column carry `data-time`. */
export function useZoom(scale: Scale, zoom: Zoom | null, setZoom: (zoom: Zoom | null) => void) {
  const began = useRef<{ x: number; cell: DOMRect } | null>(null);
  const [band, setBand] = useState<{ left: number; width: number } | null>(null);
  const share = (x: number, cell: DOMRect) => Math.min(1, Math.max(0, (x - cell.left) / cell.width));
  const seconds = (part: number) => {
    const [first, last] = [scale.ticks[0], scale.ticks.at(-1)];
    if (!first || !last || first === last) return 0;
    const perPercent = (Number.parseFloat(last.word) - Number.parseFloat(first.word)) / (last.at - first.at);
    return Number.parseFloat(first.word) + (part * 100 - first.at) * perPercent;
  };
  const on = {
    onPointerDown: (event: PointerEvent) => {
      const cell = (event.target as Element).closest("[data-time]");
      if (cell && event.button === 0 && event.pointerType === "mouse") began.current = { x: event.clientX, cell: cell.getBoundingClientRect() };
    },
    onPointerMove: (event: PointerEvent) => {
      if (!began.current || Math.abs(event.clientX - began.current.x) < 5) return;
      const [a, b] = [share(began.current.x, began.current.cell), share(event.clientX, began.current.cell)];
      setBand({ left: Math.min(a, b) * 100, width: Math.abs(a - b) * 100 });
    },
    onPointerUp: () => {
      if (band && band.width > 1) setZoom({ from_s: seconds(band.left / 100), to_s: seconds((band.left + band.width) / 100) });
      began.current = null;
      setBand(null);
    },
    onPointerLeave: () => { began.current = null; setBand(null); },
    onDoubleClick: (event: React.MouseEvent) => { if (zoom && (event.target as Element).closest("[data-time]")) setZoom(null); },
  };
  return { on, band };
}
