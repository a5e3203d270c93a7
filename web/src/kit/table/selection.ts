/** Selecting rows: one by one, or a range from the row that was touched last. */

export interface Selection {
  ids: ReadonlySet<string>;
  /** Where a range begins. */
  anchor: string | null;
}

export const NONE: Selection = { ids: new Set(), anchor: null };

/** Return the selection after a row was touched; with `range`, all from the anchor to it become as it becomes. */
export function touched(selection: Selection, id: string, range: boolean, order: readonly string[]): Selection {
  const ids = new Set(selection.ids);
  const on = !ids.has(id);
  const from = selection.anchor === null ? -1 : order.indexOf(selection.anchor);
  const to = order.indexOf(id);
  const among = range && from >= 0 && to >= 0 ? order.slice(Math.min(from, to), Math.max(from, to) + 1) : [id];
  for (const each of among) {
    if (on) ids.add(each);
    else ids.delete(each);
  }
  return { ids, anchor: id };
}

/** Return all loaded rows selected, or none when they are. */
export function allTouched(selection: Selection, order: readonly string[]): Selection {
  return order.length > 0 && order.every((id) => selection.ids.has(id)) ? NONE : { ids: new Set(order), anchor: null };
}
