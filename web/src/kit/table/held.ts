/** Rows that arrive above the reader wait until they are asked for, so that nothing moves under the eyes. */
import { useState } from "react";

/** Return at which row the shown ones begin, when `first` was the first shown until now. */
export function heldCount(order: readonly string[], first: string | null): number {
  const at = first === null ? 0 : order.indexOf(first);
  return Math.max(0, at); // a first row that is gone: another list, shown from its beginning
}

/** Hold back what came above the first shown row while `busy`; `show` lets it in. */
export function useHeld<T>(rows: readonly T[], rowId: (row: T) => string, busy: boolean): { shown: readonly T[]; waiting: number; show: () => void } {
  const [first, setFirst] = useState<string | null>(null);
  const top = rows[0] === undefined ? null : rowId(rows[0]);
  const at = top === first || first === null ? 0 : heldCount(rows.map(rowId), first);
  const waiting = busy ? at : 0;
  if (waiting === 0 && top !== first) setFirst(top);
  return { shown: waiting === 0 ? rows : rows.slice(waiting), waiting, show: () => setFirst(top) };
}
