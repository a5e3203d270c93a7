/** One row: a link from edge to edge, under a checkbox and whatever its cells offer. On a phone, two lines. */
import clsx from "clsx";
import { memo, type MouseEvent } from "react";

import type { Column } from "./columns";

/** What a row shows on a phone. */
export interface Compact { lead: React.ReactNode; note: React.ReactNode; aside?: React.ReactNode }

interface RowProps<T> {
  row: T;
  id: string;
  columns: Column<T>[];
  compact: Compact | null;
  top: number;
  height: number;
  index: number;
  href: string | undefined;
  label: string;
  current: boolean;
  active: boolean;
  selected: boolean | null;
  onOpen: (id: string, row: T) => boolean;
  onTouch: (id: string, range: boolean) => void;
  onActive: (id: string) => void;
}

function plain(event: MouseEvent): boolean {
  return event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
}

function RowView<T>(props: RowProps<T>) {
  const { row, id, columns, compact, selected } = props;
  const link = props.href === undefined ? null : (
    <a href={props.href} data-row={id} tabIndex={props.active ? 0 : -1} aria-label={props.label} aria-current={props.current ? "true" : undefined}
      onFocus={() => props.onActive(id)}
      onClick={(event) => { if (plain(event) && props.onOpen(id, row)) event.preventDefault(); }}
      className="absolute inset-0 -outline-offset-2" />
  );
  return (
    <div role="row" aria-rowindex={props.index + 2} aria-selected={selected ?? undefined}
      style={{ transform: `translateY(${props.top}px)`, height: props.height }}
      className={clsx(
        "absolute inset-x-0 top-0 items-center border-b border-border pl-3",
        compact ? "flex gap-2 pr-3" : "grid pr-9 gap-x-3 [grid-template-columns:var(--columns)]",
        selected || props.current ? "bg-accent-soft" : "hover:bg-hover",
      )}>
      {selected !== null && (
        <span role="cell" className="relative z-10 -my-1 -ml-1 flex size-7 items-center justify-center">
          <input type="checkbox" aria-label={`Select: ${props.label}`} checked={selected} onChange={() => undefined} tabIndex={-1}
            onClick={(event) => props.onTouch(id, event.shiftKey)} className="size-4 accent-accent" />
        </span>
      )}
      {compact ? (
        <div role="cell" className="flex min-w-0 flex-1 flex-col">
          {link}
          <span className="flex min-w-0 items-center gap-2"><span className="min-w-0 flex-1 truncate text-text">{compact.lead}</span>{compact.aside && <span className="nums shrink-0 text-xs text-text-3">{compact.aside}</span>}</span>
          <span className="min-w-0 truncate text-sm text-text-2">{compact.note}</span>
        </div>
      ) : columns.map((column, at) => (
        <div role="cell" key={column.id} className={clsx("min-w-0 truncate", column.align === "right" && "nums text-right")}>
          {at === 0 && link}
          {column.cell(row)}
        </div>
      ))}
    </div>
  );
}

export const Row = memo(RowView) as typeof RowView;
