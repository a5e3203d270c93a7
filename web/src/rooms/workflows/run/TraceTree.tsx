/** The trace as an ARIA tree: round > turn > tool, each row with its bar on the waterfall. Rows are virtual: 2,000 turns scroll like 20. */
"use client";

import { useVirtualizer } from "@tanstack/react-virtual";
import clsx from "clsx";
import { ChevronDown, ChevronRight, ZoomOut } from "lucide-react";
import { type KeyboardEvent, useEffect, useRef, useState } from "react";

import { count, duration, tokens, UNKNOWN } from "@/kit/format/format";
import { Untrusted } from "@/kit/text/Untrusted";
import { StateIcon } from "@/kit/ui/Chip";

import type { TraceRow } from "./trace";
import { Axis, Bar, Grid, useScale, useZoom, type Zoom } from "./Waterfall";

const ROW_PX = 36;
const COLUMNS = "grid-cols-[minmax(0,1fr)_84px_60px_minmax(0,34%)] max-lg:grid-cols-[minmax(0,1fr)_84px_60px]";

export interface TreeProps {
  rows: TraceRow[]; all: TraceRow[]; selected: string | null; folded: ReadonlySet<string>; colours: ReadonlyMap<string, number>;
  now: number | null; onSelect: (row: TraceRow) => void; onFold: (key: string, closed: boolean) => void;
}

export function TraceTree({ rows, all, selected, folded, colours, now, onSelect, onFold }: TreeProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const [zoom, setZoom] = useState<Zoom | null>(null);
  const scale = useScale(all, now, zoom);
  const { on, band } = useZoom(scale, zoom, setZoom);
  // eslint-disable-next-line react-hooks/incompatible-library -- nothing of it is handed to a memoised child
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => scroller.current, estimateSize: () => ROW_PX, overscan: 12 });
  const at = rows.findIndex((row) => row.key === selected);

  useEffect(() => {
    if (at >= 0) virtual.scrollToIndex(at, { align: "auto" });
  }, [at, virtual]);

  const move = (event: KeyboardEvent) => {
    const row = rows[at];
    const to = { ArrowDown: rows[Math.min(at + 1, rows.length - 1)], ArrowUp: rows[Math.max(at - 1, 0)], Home: rows[0], End: rows.at(-1) }[event.key];
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (to) onSelect(to);
    else if (event.key === "ArrowLeft" && row) unfoldOrLeave(row, rows, folded, onFold, onSelect);
    else if (event.key === "ArrowRight" && row?.hasChildren) onFold(row.key, false);
    else return;
    event.preventDefault();
  };

  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <div className={clsx("grid h-9 shrink-0 items-center gap-x-3 border-y border-border px-5 text-sm font-[550] text-text-2", COLUMNS)}>
        <span>Turn</span><span className="text-right">Tokens</span><span className="text-right">Time</span>
        <div className="relative h-full max-lg:hidden">
          <Axis scale={scale} />
          {zoom && <button type="button" onClick={() => setZoom(null)} className="absolute top-1 right-0 flex h-6 items-center gap-1 rounded-key bg-surface px-1.5 text-xs text-accent"><ZoomOut aria-hidden size={14} /> Whole run</button>}
        </div>
      </div>
      <div ref={scroller} role="tree" aria-label="Turns of the run" data-keys="live" tabIndex={at < 0 ? 0 : -1} onKeyDown={move} {...on} className="relative min-h-0 flex-1 overflow-y-auto outline-offset-[-2px]">
        <div className="relative" style={{ height: virtual.getTotalSize(), minHeight: "100%" }}>
          <div className={clsx("pointer-events-none absolute inset-0 grid gap-x-3 px-5 max-lg:hidden", COLUMNS)}>
            <div className="relative col-start-4"><Grid scale={scale} now={now} />{band && <span className="absolute inset-y-0 bg-accent/20" style={{ left: `${band.left}%`, width: `${band.width}%` }} />}</div>
          </div>
          {virtual.getVirtualItems().map((item) => {
            const row = rows[item.index]!;
            return (
              <Row key={row.key} row={row} top={item.start} selected={row.key === selected} folded={folded.has(row.key)} now={now} onSelect={onSelect} onFold={onFold}>
                <div data-time className="relative h-full max-lg:hidden"><Bar row={row} scale={scale} colours={colours} now={now} /></div>
              </Row>
            );
          })}
        </div>
      </div>
    </div>
  );
}

/** Left closes what is open, else goes up. */
export function unfoldOrLeave(row: TraceRow, rows: TraceRow[], folded: ReadonlySet<string>, onFold: TreeProps["onFold"], onSelect: TreeProps["onSelect"]): void {
  if (row.hasChildren && !folded.has(row.key)) onFold(row.key, true);
  else {
    const parent = rows.find((each) => each.key === row.parent);
    if (parent) onSelect(parent);
  }
}

function Row({ row, top, selected, folded, now, onSelect, onFold, children }: {
  row: TraceRow; top: number; selected: boolean; folded: boolean; now: number | null; children: React.ReactNode;
  onSelect: TreeProps["onSelect"]; onFold: TreeProps["onFold"];
}) {
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (selected && ref.current?.parentElement?.parentElement?.contains(document.activeElement)) ref.current.focus({ preventScroll: true });
  }, [selected]);
  const group = row.kind === "round" || row.kind === "candidate";
  const took = row.startAt === null ? null : ((row.endAt ?? Math.max(now ?? row.startAt, row.startAt)) - row.startAt) / 1000;
  const Chevron = folded ? ChevronRight : ChevronDown;
  return (
    <div ref={ref} role="treeitem" aria-level={row.depth + 1} aria-selected={selected} aria-expanded={row.hasChildren ? !folded : undefined} tabIndex={selected ? 0 : -1}
      onClick={() => onSelect(row)}
      className={clsx("absolute inset-x-0 grid h-9 cursor-default items-center gap-x-3 px-5 outline-offset-[-2px]", COLUMNS, selected ? "bg-accent-soft shadow-[inset_2px_0_0_var(--accent)]" : "hover:bg-hover/60")} style={{ transform: `translateY(${top}px)` }}>
      <div className="flex min-w-0 items-center gap-2" style={{ paddingLeft: row.depth * 20 }}>
        {row.hasChildren
          ? <button type="button" tabIndex={-1} aria-label={folded ? "Unfold" : "Fold"} onClick={(event) => { event.stopPropagation(); onFold(row.key, !folded); }} className="-ml-1 flex size-6 shrink-0 items-center justify-center text-text-3"><Chevron aria-hidden size={14} /></button>
          : row.depth === 0 && <span className="w-0" />}
        <StateIcon state={row.state} />
        {row.seq !== null && <span className="nums shrink-0 text-text-3">{row.seq}</span>}
        <span className={clsx("shrink-0 text-text", (group || selected) && "font-semibold")}>{row.name}</span>
        {row.kind === "attempt" && <span className="shrink-0 text-failed">failed try</span>}
        <span className={clsx("min-w-0 truncate", row.state === "failed" ? "text-failed" : row.state === "running" ? "text-running" : "text-text-3")}><Untrusted inline text={row.reason} /></span>
      </div>
      <span className="nums text-right text-text-2">{group ? groupTokens(row) : row.promptTokens === null && row.completionTokens === null ? "" : tokens(row.promptTokens, row.completionTokens)}</span>
      <span className="nums text-right text-text-2">{took === null ? "" : duration(took)}</span>
      {children}
    </div>
  );
}

function groupTokens(row: TraceRow): string {
  return row.promptTokens === null ? UNKNOWN : count(row.promptTokens + (row.completionTokens ?? 0));
}
