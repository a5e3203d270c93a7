/** The layout of a table as its user left it, in every browser of theirs. */
"use client";

import { useMemo } from "react";

import { prefer, usePref } from "../prefs/prefs";
import type { Kept, TableLayout } from "./columns";

/** `name` is the table's own, such as "logs". */
export function useKeptLayout(name: string): Kept {
  const columns = usePref("columns");
  return useMemo(() => ({
    layout: columns[name] ?? {},
    keep: ({ order = [], shown = {}, widths = {} }: TableLayout) => prefer({ columns: { ...columns, [name]: { order, shown, widths } } }),
  }), [columns, name]);
}
