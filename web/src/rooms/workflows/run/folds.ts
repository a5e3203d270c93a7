/** Which groups are folded: remembered for a run in this browser; what holds an error unfolds itself once. */
"use client";

import { useCallback, useEffect, useRef, useState } from "react";

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

export function useFolds(runId: string, rows: TraceRow[]) {
  const [folded, setFolded] = useState<ReadonlySet<string>>(() => new Set(read()[runId]));
  const fold = useCallback((key: string, closed: boolean) => {
    setFolded((now) => {
      if (now.has(key) === closed) return now;
      const next = new Set(now);
      if (closed) next.add(key);
      else next.delete(key);
      const all = Object.entries({ ...read(), [runId]: [...next] }).slice(-KEPT_RUNS);
      localStorage.setItem(NAME, JSON.stringify(Object.fromEntries(all)));
      return next;
    });
  }, [runId]);
  const told = useRef(new Set<string>());
  useEffect(() => {
    const parents = new Map(rows.map((row) => [row.key, row.parent]));
    for (const row of rows) {
      if (row.state !== "failed" || row.kind === "verify" || told.current.has(row.key)) continue; // a check that is not passed is no error
      told.current.add(row.key);
      for (let at = row.parent; at; at = parents.get(at) ?? null) fold(at, false);
    }
  }, [rows, fold]);
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
