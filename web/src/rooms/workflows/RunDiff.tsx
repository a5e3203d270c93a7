/** Two runs, step by step: what differs in how they were asked, in the end, and where they part. */
"use client";

import { ChevronDown, ChevronRight, GitCompare } from "lucide-react";
import Link from "next/link";
import { useMemo, useState } from "react";

import type { RunShown } from "@/kit/api/schema";
import { cost, count, duration, shortId, tokens, UNKNOWN } from "@/kit/format/format";
import { Untrusted } from "@/kit/text/Untrusted";
import { WordDiff } from "@/kit/text/WordDiff";
import { Card, PageHeader } from "@/kit/ui/Card";
import { StateChip, StateIcon } from "@/kit/ui/Chip";
import { EmptyState, ErrorBox, Skeleton } from "@/kit/ui/Moments";
import { href, useUrl } from "@/kit/url";

import { goalOf, shown } from "./run/messages";
import type { TraceRow } from "./run/trace";
import { Both, Changed, TurnDiff } from "./run/TurnDiff";
import { useRunData } from "./run/useRunData";

const NAMES: [string, string] = ["first", "second"];

export function RunDiff() {
  const { get } = useUrl();
  const [a, b] = [useRunData(get("a")), useRunData(get("b"))];
  const pairs = useMemo(() => pairsOf(a.rows, b.rows), [a.rows, b.rows]);
  if (!get("a") || !get("b")) return <EmptyState icon={GitCompare} title="Which two runs?">Select two in Runs, then Compare.</EmptyState>;
  const error = a.error ?? b.error;
  if (error) return <div className="py-6"><ErrorBox error={error} /></div>;
  const [one, two] = [a.run.data, b.run.data];
  if (!one || !two) return <Skeleton rows={8} />;
  const parts = pairs.findIndex(differs);
  const alike = pairs.some(({ before }) => before?.reason.endsWith("…")) ? "Their answers begin alike at every step; open one to see the whole." : "They said the same at every step.";
  return (
    <div className="mx-auto max-w-[1200px] space-y-4 pb-8">
      <PageHeader title="Two runs compared" note={parts < 0 ? alike : `They part at ${pairs[parts]!.key}.`} />
      <div className="grid gap-3 md:grid-cols-2">
        {[one, two].map((run, at) => (
          <Link key={run.id} href={href("/workflows/run", { id: run.id })} className="flex min-w-0 items-center gap-2 rounded-card border border-border px-3 py-2 hover:bg-hover">
            <StateChip state={run.state} waitingFor={run.waiting_for} /><span className="min-w-0 flex-1 truncate font-[550] text-text"><Untrusted inline text={goalOf(run.input, run.workflow)} /></span><span className="text-text-3">{NAMES[at]}</span><span className="font-mono text-xs text-text-3">{shortId(run.id)}</span>
          </Link>
        ))}
      </div>
      <Card title="What differs"><Changed rows={differences(one, two)} names={NAMES} /></Card>
      <Card title="Result"><Both before={shown(one.output)} after={shown(two.output)} names={NAMES} /></Card>
      <Card title="Step by step" flush><ol className="divide-y divide-border">{pairs.map((pair) => <Pair key={pair.key} pair={pair} />)}</ol></Card>
    </div>
  );
}

interface Paired { key: string; before: TraceRow | null; after: TraceRow | null }

/** Turns of both, matched by their step keys, in the order of the first; what only the second has comes after. */
function pairsOf(before: TraceRow[], after: TraceRow[]): Paired[] {
  const turns = (rows: TraceRow[]) => new Map(rows.filter((row) => row.turn !== null).map((row) => [row.key, row]));
  const [one, two] = [turns(before), turns(after)];
  return [...new Set([...one.keys(), ...two.keys()])].map((key) => ({ key, before: one.get(key) ?? null, after: two.get(key) ?? null }));
}

/** By how they begin, and by how long they are: the whole texts are read when a step is opened. */
function differs({ before, after }: Paired): boolean {
  return before?.reason !== after?.reason || before?.completionTokens !== after?.completionTokens;
}

function Pair({ pair }: { pair: Paired }) {
  const { key, before, after } = pair;
  const [open, setOpen] = useState(false);
  const Chevron = open ? ChevronDown : ChevronRight;
  const row = (before ?? after)!;
  const same = !differs(pair);
  const calls = before?.call && after?.call;
  return (
    <li className="px-4 py-2">
      <button type="button" aria-expanded={open} disabled={!calls} onClick={() => setOpen(!open)} className="flex w-full items-start gap-2 text-left">
        <Chevron aria-hidden size={14} className={calls ? "mt-1 shrink-0 text-text-3" : "invisible mt-1 shrink-0"} />
        <span className="mt-0.5 flex gap-1">{[before, after].map((each, at) => (each ? <StateIcon key={at} state={each.state} /> : <span key={at} className="w-4 text-center text-text-3" title={`The ${NAMES[at]} run has no such step`}>{UNKNOWN}</span>))}</span>
        <span className="w-40 shrink-0 truncate max-md:w-24"><span className="font-[550] text-text">{row.name}</span> <span className="block truncate font-mono text-2xs text-text-3">{key}</span></span>
        <span className="min-w-0 flex-1">{same ? <span className="line-clamp-2 text-text-3"><Untrusted inline text={row.reason} /></span> : <WordDiff before={before?.reason ?? ""} after={after?.reason ?? ""} />}</span>
        <span className="nums shrink-0 text-right text-xs text-text-3 max-md:hidden">{took(before)}<br />{took(after)}</span>
      </button>
      {open && calls && <div className="mt-2 pl-6"><TurnDiff before={before.call!.id} after={after.call!.id} names={NAMES} /></div>}
    </li>
  );
}

function took(row: TraceRow | null): string {
  return row?.startAt == null || row.endAt === null ? UNKNOWN : duration((row.endAt - row.startAt) / 1000);
}

function differences(a: RunShown, b: RunShown): [string, string, string][] {
  const models = (run: RunShown) => Object.entries((run.resolved.models ?? {}) as Record<string, { name?: string; version_id?: string }>).map(([alias, model]) => `${alias}: ${model.name ?? ""} ${shortId(model.version_id)}`).join(", ");
  const of = (run: RunShown): [string, string][] => [
    ["workflow", run.workflow], ["version", shortId(run.workflow_version_id)], ["input", shown(run.input)], ["state", run.state], ["seed", String(run.seed)], ["models", models(run)], ["turns", count(run.turns)],
    ["tokens", tokens(run.prompt_tokens, run.completion_tokens)], ["time", duration(run.running_ms / 1000)], ["cost", cost(run.cost_usd_micros)], ["error", run.error_code ?? UNKNOWN],
  ];
  const two = of(b);
  return of(a).map(([name, value], at): [string, string, string] => [name, value, two[at]![1]]).filter(([, one, other]) => one !== other);
}
