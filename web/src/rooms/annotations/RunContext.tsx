/** The whole run that an item is a turn of, to read beside it. In a blind queue nothing here names a model. */
"use client";

import { ListTree } from "lucide-react";

import type { ItemShown, TurnShown } from "@/kit/api/schema";
import { Untrusted } from "@/kit/text/Untrusted";
import { Button } from "@/kit/ui/Button";
import { StateChip } from "@/kit/ui/Chip";
import { EmptyState, ErrorBox, Skeleton } from "@/kit/ui/Moments";

import { textOf } from "./draft";
import { useOrigin, useRun, useTurns } from "./queries";

export function RunContext({ item }: { item: ItemShown }) {
  const { origin, loading, error } = useOrigin(item);
  const run = useRun(origin?.run_id);
  const turns = useTurns(origin?.run_id);
  const wrong = error ?? run.error ?? turns.error;
  if (wrong) return <div className="p-4"><ErrorBox error={wrong} retry={() => void turns.refetch()} /></div>;
  if (loading || run.isLoading || turns.isLoading) return <Skeleton rows={8} label="Loading the run" />;
  if (!origin?.run_id || !run.data) return <EmptyState icon={ListTree} title="It was not a turn of a run">The prompt beside it is all there was.</EmptyState>;
  const shown = turns.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <div className="space-y-4 p-4">
      <div className="flex items-center gap-2"><StateChip state={run.data.state} waitingFor={run.data.waiting_for} /> <span className="text-text-3">{run.data.workflow}, {run.data.turns} turns</span></div>
      <dl>{Object.entries(run.data.input).map(([name, value]) => <div key={name}><dt className="text-xs text-text-3">{name}</dt><dd><Untrusted text={asText(value)} className="text-text" /></dd></div>)}</dl>
      <ol className="space-y-3">{shown.map((turn) => <Turn key={turn.seq} turn={turn} here={turn.interaction_id === origin.id} />)}</ol>
      {turns.hasNextPage && <Button busy={turns.isFetchingNextPage} onClick={() => void turns.fetchNextPage()}>More turns</Button>}
      {run.data.output != null && <section><h2 className="mb-1">Result</h2><Untrusted text={asText(run.data.output)} className="text-text" /></section>}
    </div>
  );
}

function Turn({ turn, here }: { turn: TurnShown; here: boolean }) {
  return (
    <li className={here ? "rounded-card border border-accent-line bg-accent-soft p-3" : "rounded-card border border-border p-3"}>
      <p className="mb-1 flex gap-2 text-xs text-text-3"><span className="nums">{turn.seq}</span> <span className="font-[550] text-text">{turn.name}</span> <span>{turn.kind}</span> {here && <span className="ml-auto text-accent">this one</span>}</p>
      <Untrusted text={asText(turn.output)} className="max-h-60 overflow-y-auto text-text-2" />
    </li>
  );
}

function asText(value: unknown): string {
  if (typeof value === "string") return value;
  if (value == null) return "–";
  if (typeof value === "object" && "content" in value) return textOf(value as Record<string, unknown>);
  return JSON.stringify(value, null, 2);
}
