/** Which groups are folded: remembered for a run in this browser; what holds an error unfolds itself once. */
"use client";

import { useCallback, useState } from "react";

import type { TraceRow } from "./trace";

const NAME = "camel-ext.folds";
const KEPT_RUNS = 50;

type Stored = Record<string, string[]>;

function read(): Stored {
  try {
    return JSON.parse(localStorage.getItem(NAME) ?? "{}") as Stored;
  } catch {
    return {};
  }
}

export function useFolds(runId: string) {
  const [folded, setFolded] = useState<ReadonlySet<string>>(() => new Set(read()[runId]));
  const fold = useCallback((key: string, closed: boolean) => {
    setFolded((now) => {
      const next = new Set(now);
      if (closed) next.add(key);
      else next.delete(key);
      const all = Object.entries({ ...read(), [runId]: [...next] }).slice(-KEPT_RUNS);
      localStorage.setItem(NAME, JSON.stringify(Object.fromEntries(all)));
      return next;
    });
  }, [runId]);
  return { folded, fold };
}

/** The rows that are seen: those below a folded one are not. */
export function seen(rows: TraceRow[], folded: ReadonlySet<string>): TraceRow[] {
  const found: TraceRow[] = [];
  let hiddenBelow = Infinity;
  for (const row of rows) {
    if (row.depth > hiddenBelow) continue;
    hiddenBelow = folded.has(row.key) ? row.depth : Infinity;
    found.push(row);
  }
  return found;
}
