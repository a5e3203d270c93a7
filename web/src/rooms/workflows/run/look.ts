/** An agent keeps its colour on graph, tree and waterfall of a run; tools and checks are grey. */
import type { TraceRow } from "./trace";

const COLOURS = 6;

/** Names of agents in the order they first acted -> 1..6; a seventh is grey. */
export function coloursOf(rows: TraceRow[]): Map<string, number> {
  const colours = new Map<string, number>();
  for (const row of rows) {
    if ((row.kind === "model" || row.kind === "attempt") && !colours.has(row.name) && colours.size < COLOURS) colours.set(row.name, colours.size + 1);
  }
  return colours;
}

export function barColour(row: TraceRow, colours: ReadonlyMap<string, number>): string {
  if (row.kind === "round" || row.kind === "candidate") return "var(--border-strong)";
  if (row.state === "failed") return "var(--failed)";
  const number = colours.get(row.name);
  return row.kind === "model" && number ? `var(--cat-${number})` : "var(--text-3)";
}
