/**
 * A table of any length: fixed row height, virtual rows, loaded by key as the reader scrolls, never moving under
 * the reader. It fills the height of its parent and scrolls inside. Not: fetching, or what a cell means.
 */
"use client";

import { defaultRangeExtractor, useVirtualizer } from "@tanstack/react-virtual";
import clsx from "clsx";
import { ArrowUp, LoaderCircle } from "lucide-react";
import { useRouter } from "next/navigation";
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";

import { digits } from "../format/format";
import { useKeys } from "../keys/useKeys";
import { Button } from "../ui/Button";
import { ErrorBox, Skeleton } from "../ui/Moments";
import { ColumnMenu } from "./ColumnMenu";
import { type Column, type Kept, useColumns } from "./columns";
import { HeadCell } from "./HeadCell";
import { useHeld } from "./held";
import { usePhone, useRowHeight } from "./measure";
import { type Compact, Row } from "./Row";
import { allTouched, type Selection, touched } from "./selection";

const HEAD_PX = 36;
const AHEAD_ROWS = 30; // older rows are asked for when so few are left below

export interface DataTableProps<T> {
  /** What the rows are, for screen readers: "Turns". */
  label: string;
  columns: Column<T>[];
  rows: readonly T[];
  rowId: (row: T) => string;
  /** A row in one line of words: the name of its link. */
  rowLabel: (row: T) => string;
  compact: (row: T) => Compact;
  href?: (row: T) => string;
  /** Instead of following the link on a plain click or Enter, e.g. to open a side panel. */
  onOpen?: (row: T) => void;
  /** The id of the row that stands open. */
  current?: string | null;
  selection?: Selection;
  onSelect?: (selection: Selection) => void;
  kept?: Kept;
  loading?: boolean;
  error?: unknown;
  retry?: () => void;
  /** What stands where no row is. */
  empty: React.ReactNode;
  older?: { more: boolean; loading: boolean; load: () => void };
  /** Said at the end of all rows. */
  end?: React.ReactNode;
  /** Off where two lists share a page. */
  keys?: boolean;
}

export function DataTable<T>(props: DataTableProps<T>) {
  const { rowId, selection, onSelect, older, current } = props;
  const router = useRouter();
  const phone = usePhone();
  const rowPx = useRowHeight();
  const scroller = useRef<HTMLDivElement>(null);
  const [scrolled, setScrolled] = useState(false);
  const [inside, setInside] = useState(false);
  const [active, setActive] = useState<string | null>(null);
  const layout = useColumns(props.columns, props.kept);
  const { shown, waiting, show } = useHeld(props.rows, rowId, scrolled || inside || active !== null);
  const order = useMemo(() => shown.map(rowId), [shown, rowId]);
  const places = useMemo(() => new Map(order.map((id, at) => [id, at])), [order]);
  const activeAt = active === null ? -1 : places.get(active) ?? -1;

  // eslint-disable-next-line react-hooks/incompatible-library -- its values stay in this component
  const virtual = useVirtualizer({
    count: shown.length, getScrollElement: () => scroller.current, estimateSize: () => rowPx, overscan: 16, scrollMargin: HEAD_PX, scrollPaddingStart: HEAD_PX,
    getItemKey: useCallback((at: number) => order[at]!, [order]),
    rangeExtractor: useCallback((range: Parameters<typeof defaultRangeExtractor>[0]) => {
      const seen = defaultRangeExtractor(range);
      return activeAt < 0 || seen.includes(activeAt) ? seen : [...seen, activeAt]; // the focused row stays, so the focus does
    }, [activeAt]),
  });
  useEffect(() => virtual.measure(), [virtual, rowPx]);
  const items = virtual.getVirtualItems();

  const lastSeen = virtual.range?.endIndex ?? 0;
  useEffect(() => {
    if (older?.more && !older.loading && !props.error && lastSeen >= shown.length - AHEAD_ROWS) older.load();
  }, [older, lastSeen, shown.length, props.error]);

  const firstBefore = useRef<string | null>(null);
  useLayoutEffect(() => { // rows let in above: stay with what is being read
    const came = firstBefore.current === null ? 0 : places.get(firstBefore.current) ?? 0;
    firstBefore.current = order[0] ?? null;
    if (came > 0 && scroller.current && scroller.current.scrollTop > 0) scroller.current.scrollTop += came * rowPx;
  }, [order, places, rowPx]);

  const onOpen = props.onOpen, href = props.href;
  const open = useCallback((_id: string, row: T) => {
    if (onOpen) onOpen(row);
    else if (href) router.push(href(row));
    return true;
  }, [onOpen, href, router]);
  const state = useRef({ selection, order });
  useEffect(() => { state.current = { selection, order }; });
  const touch = useCallback((id: string, range: boolean) => {
    const { selection: now, order: all } = state.current;
    if (now) onSelect?.(touched(now, id, range, all));
  }, [onSelect]);

  const focusWanted = useRef(false);
  useEffect(() => {
    if (!focusWanted.current || active === null) return;
    focusWanted.current = false;
    scroller.current?.querySelector<HTMLElement>(`[data-row="${CSS.escape(active)}"]`)?.focus({ preventScroll: true });
  });
  const step = (by: 1 | -1) => {
    const from = activeAt >= 0 ? activeAt : current ? places.get(current) ?? -1 : -1;
    const to = Math.min(Math.max(from < 0 ? (virtual.range?.startIndex ?? 0) : from + by, 0), shown.length - 1);
    const row = shown[to];
    if (row === undefined) return;
    virtual.scrollToIndex(to);
    focusWanted.current = true;
    setActive(order[to]!);
    if (current && onOpen) onOpen(row);
  };
  const off = props.keys === false, choose = (range: boolean) => active !== null && touch(active, range);
  useKeys(props.label, [
    { keys: "j", label: "Next row", run: () => step(1), repeat: true, off },
    { keys: "k", label: "Row before", run: () => step(-1), repeat: true, off },
    { keys: "Enter", label: "Open the row", run: () => active !== null && shown[activeAt] !== undefined && open(active, shown[activeAt]), off },
    { keys: "x", label: "Select the row", run: () => choose(false), off: off || !onSelect },
    { keys: "Shift+x", label: "Select from the row touched last to here", run: () => choose(true), off: off || !onSelect },
  ]);

  const template = `${selection ? "20px " : ""}${layout.template}`;
  const minWidth = phone ? undefined : layout.headers.reduce((sum, header) => sum + header.column.getSize() + 12, selection ? 68 : 36);
  const allOn = selection !== undefined && order.length > 0 && order.every((id) => selection.ids.has(id));
  return (
    <div className="relative flex h-full min-h-0 flex-col">
      {waiting > 0 && (
        <Button icon={ArrowUp} className="absolute top-11 left-1/2 z-30 -translate-x-1/2 rounded-full shadow-pop" onClick={() => { show(); setActive(null); scroller.current?.scrollTo({ top: 0 }); }}>
          {digits(waiting)} new, show
        </Button>
      )}
      <div className="absolute top-0.5 right-0.5 z-20 bg-surface"><ColumnMenu {...layout} /></div>
      <div ref={scroller} tabIndex={-1}
        onScroll={(event) => setScrolled(event.currentTarget.scrollTop > 0)} onPointerEnter={() => setInside(true)} onPointerLeave={() => setInside(false)}
        onBlur={(event) => { if (event.relatedTarget && !event.currentTarget.contains(event.relatedTarget)) setActive(null); }}
        className="min-h-0 flex-1 overflow-auto overscroll-contain outline-none [overflow-anchor:none]" style={{ "--columns": template } as React.CSSProperties}>
        {/* What stands below the rows is no part of the table: a status may not be its child. */}
        <div role="table" aria-label={props.label} aria-rowcount={older?.more ? -1 : shown.length + 1} style={{ minWidth }}>
        <div role="row" aria-rowindex={1} style={{ height: HEAD_PX, minWidth }}
          className={clsx("sticky top-0 z-10 items-center border-b border-border bg-surface pr-9 pl-3", phone ? "flex gap-2" : "grid gap-x-3 [grid-template-columns:var(--columns)]")}>
          {selection && (
            <span role="columnheader" className="-ml-1 flex size-7 items-center justify-center">
              <input type="checkbox" aria-label={`Select all ${digits(order.length)} loaded`} className="size-4 accent-accent" checked={allOn}
                ref={(box) => { if (box) box.indeterminate = !allOn && selection.ids.size > 0; }} onChange={() => onSelect?.(allTouched(selection, order))} />
            </span>
          )}
          {phone ? <span role="columnheader" className="text-xs text-text-3">{props.label}</span> : layout.headers.map((header, at) => <HeadCell key={header.id} header={header} column={layout.visible[at]!} />)}
        </div>
        <div role="rowgroup" style={{ height: virtual.getTotalSize(), minWidth }} className="relative">
          {items.map((item) => {
            const row = shown[item.index];
            if (row === undefined) return null;
            const id = order[item.index]!;
            return (
              <Row key={id} row={row} id={id} index={item.index} columns={layout.visible} compact={phone ? props.compact(row) : null} top={item.start - HEAD_PX} height={item.size}
                href={href?.(row)} label={props.rowLabel(row)} current={current === id} active={active === id || (active === null && item.index === 0)}
                selected={selection ? selection.ids.has(id) : null} onOpen={open} onTouch={touch} onActive={setActive} />
            );
          })}
        </div>
        </div>
        <Foot {...props} />
      </div>
    </div>
  );
}

function Foot<T>({ rows, loading, error, retry, empty, older, end }: DataTableProps<T>) {
  if (error) return <div className="p-4"><ErrorBox error={error} retry={retry} /></div>;
  if (loading) return <Skeleton rows={12} />;
  if (older?.more) return <p role="status" className="flex h-10 items-center justify-center gap-2 text-text-3"><LoaderCircle aria-hidden size={14} className="animate-spin" /> Older ones come</p>;
  if (rows.length === 0) return empty;
  return end ? <p className="px-3 py-2 text-xs text-text-3">{end}</p> : null;
}
