/** Which columns a table shows, in which order and how wide: TanStack Table holds it, the caller may keep it. */
import {
  columnOrderingFeature, columnResizingFeature, columnSizingFeature, columnVisibilityFeature, type Header, tableFeatures, useTable,
} from "@tanstack/react-table";
import { useMemo, useState } from "react";

export interface Column<T> {
  id: string;
  title: string;
  /** Say the title to screen readers and in the menu alone: what the column shows is too narrow for it. */
  narrow?: boolean;
  cell: (row: T) => React.ReactNode;
  /** In pixels; a growing column takes what is left, but not less than this. */
  width: number;
  grow?: boolean;
  align?: "right";
  /** Shown only when it is asked for in the column menu. */
  hidden?: boolean;
}

/** What a user chose; equal to `{}` until then. */
export interface TableLayout {
  order?: string[];
  shown?: Record<string, boolean>;
  widths?: Record<string, number>;
}

export interface Kept {
  layout: TableLayout;
  keep: (layout: TableLayout) => void;
}

const features = tableFeatures({ columnVisibilityFeature, columnOrderingFeature, columnSizingFeature, columnResizingFeature });
const NOTHING: never[] = []; // rows are drawn by the virtualizer: the table model holds columns alone

export type ColumnHeader = Header<typeof features, never, unknown>;

/** Return the columns to draw, their grid template, and what the column menu needs. */
export function useColumns<T>(columns: Column<T>[], kept?: Kept) {
  const [own, setOwn] = useState<TableLayout>({});
  const { layout, keep } = kept ?? { layout: own, keep: setOwn };
  const defs = useMemo(() => columns.map((column) => ({ id: column.id, header: column.title, size: column.width, minSize: Math.min(48, column.width) })), [columns]);
  const state = useMemo(() => ({
    columnOrder: [...(layout.order ?? []).filter((id) => columns.some((column) => column.id === id)), ...columns.map((column) => column.id).filter((id) => !layout.order?.includes(id))],
    columnVisibility: Object.fromEntries(columns.map((column) => [column.id, layout.shown?.[column.id] ?? !column.hidden])),
    columnSizing: layout.widths ?? {},
  }), [columns, layout]);
  const table = useTable({
    features, columns: defs, data: NOTHING, state, columnResizeMode: "onChange",
    onColumnOrderChange: (next) => keep({ ...layout, order: typeof next === "function" ? next(state.columnOrder) : next }),
    onColumnVisibilityChange: (next) => keep({ ...layout, shown: typeof next === "function" ? next(state.columnVisibility) : next }),
    onColumnSizingChange: (next) => keep({ ...layout, widths: typeof next === "function" ? next(state.columnSizing) : next }),
  });
  const headers = table.getHeaderGroups()[0]?.headers ?? [];
  const visible = useMemo( // the same list as long as nothing changes, so that rows are not drawn again
    () => state.columnOrder.filter((id) => state.columnVisibility[id]).map((id) => columns.find((column) => column.id === id)!), [columns, state]);
  const sizes = headers.map((header) => header.column.getSize());
  return {
    headers: headers as unknown as ColumnHeader[],
    visible,
    template: visible.map((column, at) => (column.grow ? `minmax(${sizes[at]}px, 1fr)` : `${sizes[at]}px`)).join(" "),
    choices: state.columnOrder.map((id) => ({ id, title: columns.find((column) => column.id === id)!.title, shown: state.columnVisibility[id]! })),
    show: (id: string, shown: boolean) => keep({ ...layout, shown: { ...state.columnVisibility, [id]: shown } }),
    move: (id: string, by: -1 | 1) => keep({ ...layout, order: moved(state.columnOrder, id, by) }),
    reset: () => keep({}),
  };
}

/** Return the list with one entry a place further, or as it was at its ends. */
export function moved(order: string[], id: string, by: -1 | 1): string[] {
  const at = order.indexOf(id), to = at + by;
  if (at < 0 || to < 0 || to >= order.length) return order;
  const next = [...order];
  [next[at], next[to]] = [next[to]!, next[at]!];
  return next;
}
