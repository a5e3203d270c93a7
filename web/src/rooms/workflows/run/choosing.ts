/** Which row of the trace is meant: open, next to it, to compare it with, to begin anew from. Pure. */
import type { RunShown } from "@/kit/api/schema";

import type { TraceRow } from "./trace";

const isTurn = (row: TraceRow) => row.kind !== "round" && row.kind !== "candidate";

/** The turn that the address names; without one, the latest that goes on, or the last answer; before there is any, what waits. */
export function chosen(rows: TraceRow[], wanted: string | null): TraceRow | null {
  const named = wanted && rows.find((row) => String(row.seq) === wanted || row.key === wanted);
  if (named) return named;
  const turns = rows.filter(isTurn);
  return turns.findLast((row) => row.state === "running") ?? turns.findLast((row) => row.kind === "model" && row.turn !== null) ?? turns.find((row) => row.state === "waiting") ?? turns.at(-1) ?? null;
}

/** The next turn among the rows that are seen, or the one before; rounds and candidates are stepped over. */
export function beside(seen: TraceRow[], from: TraceRow | null, by: 1 | -1): TraceRow | null {
  let at = seen.findIndex((row) => row.key === from?.key) + by;
  while (seen[at] && !isTurn(seen[at]!)) at += by;
  return seen[at] ?? null;
}

/** What a turn is compared with: the same agent's turn before it, else the answer before it, else any other. */
export function comparable(rows: TraceRow[], row: TraceRow | null): TraceRow | null {
  if (row?.kind !== "model" || row.turn === null) return null;
  const others = rows.filter((each) => each.kind === "model" && each.seq !== null && each.key !== row.key);
  const before = others.filter((each) => each.seq! < row.seq!);
  return before.findLast((each) => each.name === row.name) ?? before.at(-1) ?? others[0] ?? null;
}

/**
 * Where a retry begins: at what somebody chose; else, of a run that ended early, after all it has done, and of one
 * that succeeded at the turn on show. `key` null: after the last turn.
 */
export function retryFrom(run: RunShown, row: TraceRow | null, wanted: string | null): { key: string | null; name: string } {
  const after = { key: null, name: `turn ${run.turns + 1}` };
  if (row === null || (wanted === null && run.state !== "succeeded")) return after;
  if (!isTurn(row)) return { key: row.key, name: row.name.toLowerCase() };
  return row.turn === null ? after : { key: row.turn.step_key, name: `turn ${row.turn.seq}` };
}
