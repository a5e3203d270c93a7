/** The six figures of a run, from its row and its trace. Pure. */
import { cost, count, duration } from "@/kit/format/format";
import type { RunShown } from "@/kit/api/schema";

import type { TraceRow } from "./trace";

export interface Figure { label: string; value: string; note?: string }

interface Resolved { agents?: Record<string, { model?: string }>; models?: Record<string, { name?: string }> }

export function figuresOf(run: RunShown, rows: TraceRow[], now: number | null): Figure[] {
  const turns = rows.filter((row) => row.turn !== null);
  const lastAt = turns.reduce((latest, row) => Math.max(latest, row.endAt ?? 0), 0) || (run.started_at ? Date.parse(run.started_at) : 0);
  const runs_s = run.running_ms / 1000 + (run.state === "running" && now !== null && lastAt > 0 ? Math.max(0, now - lastAt) / 1000 : 0);
  const maxTurns = run.budgets.max_turns;
  const localMs = turns.reduce((sum, row) => sum + (row.call?.engine === "local" ? row.call.total_ms : 0), 0);
  const waits = turns.flatMap((row) => (row.call?.ttft_ms == null ? [] : [row.call.ttft_ms])).toSorted((a, b) => a - b);
  const agent = mostUsed(turns);
  const resolved = run.resolved as Resolved;
  const alias = agent ? resolved.agents?.[agent]?.model : undefined;
  return [
    { label: "Elapsed", value: duration(runs_s) },
    { label: "Turns", value: count(run.turns), note: typeof maxTurns === "number" ? `of ≤ ${count(maxTurns)}` : undefined },
    { label: "Tokens", value: count(run.prompt_tokens + run.completion_tokens), note: `${count(run.prompt_tokens)} in` },
    { label: "Cost", value: cost(run.cost_usd_micros), note: localMs > 0 ? `${duration(localMs / 1000)} local` : undefined },
    { label: "First token p50", value: duration(waits.length > 0 ? waits[Math.floor((waits.length - 1) / 2)]! / 1000 : null) },
    { label: agent ?? "Model", value: (alias && resolved.models?.[alias]?.name) ?? alias ?? "–", note: alias },
  ];
}

function mostUsed(turns: TraceRow[]): string | undefined {
  const counts = new Map<string, number>();
  for (const row of turns) if (row.kind === "model") counts.set(row.name, (counts.get(row.name) ?? 0) + 1);
  return [...counts].toSorted((a, b) => b[1] - a[1])[0]?.[0];
}
