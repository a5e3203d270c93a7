/** A run on a phone: one pane at a time, turns first; the text in the making stands in its turn. */
"use client";

import clsx from "clsx";
import { Tabs } from "radix-ui";

import { cost, count, duration, tokens } from "@/kit/format/format";
import { Preview } from "@/kit/text/Preview";
import { Untrusted } from "@/kit/text/Untrusted";
import { StateIcon } from "@/kit/ui/Chip";

import type { Figure } from "./figures";
import { grouped } from "./plan";
import type { TraceRow } from "./trace";
import { Bar, Grid, useScale } from "./Waterfall";

const PANES = ["turns", "graph", "timing", "cost"] as const;

interface Props {
  rows: TraceRow[]; figures: Figure[]; colours: ReadonlyMap<string, number>; now: number | null; writing: ReadonlyMap<string, string>;
  pane: string | null; onPane: (pane: string) => void; onSelect: (row: TraceRow) => void; graph: React.ReactNode;
}

export function PhoneRun({ rows, figures, colours, now, writing, pane, onPane, onSelect, graph }: Props) {
  const turns = rows.filter((row) => row.kind !== "round" && row.kind !== "candidate");
  return (
    <Tabs.Root value={PANES.find((each) => each === pane) ?? "turns"} onValueChange={onPane} className="px-3">
      <Tabs.List aria-label="Panes of the run" className="flex rounded-card bg-sunken p-1">
        {PANES.map((each) => <Tabs.Trigger key={each} value={each} className="h-11 flex-1 rounded-control border border-transparent capitalize text-text-2 data-[state=active]:border-border data-[state=active]:bg-surface data-[state=active]:font-[550] data-[state=active]:text-text">{each}</Tabs.Trigger>)}
      </Tabs.List>
      <Tabs.Content value="turns" className="pt-3"><ol>{turns.map((row) => <Turn key={row.key} row={row} now={now} text={row.turn ? null : writing.get(row.key) ?? null} onSelect={onSelect} />)}</ol></Tabs.Content>
      <Tabs.Content value="graph" className="-mx-3 pt-3">{graph}</Tabs.Content>
      <Tabs.Content value="timing" className="pt-3"><Timing rows={turns} colours={colours} now={now} onSelect={onSelect} /></Tabs.Content>
      <Tabs.Content value="cost" className="pt-3"><Cost turns={turns} figures={figures} /></Tabs.Content>
    </Tabs.Root>
  );
}

function took(row: TraceRow, now: number | null): string {
  return row.startAt === null ? "" : duration(((row.endAt ?? Math.max(now ?? row.startAt, row.startAt)) - row.startAt) / 1000);
}

function Turn({ row, now, text, onSelect }: { row: TraceRow; now: number | null; text: string | null; onSelect: (row: TraceRow) => void }) {
  return (
    <li className="relative [contain-intrinsic-size:auto_56px] [content-visibility:auto]">
      <button type="button" onClick={() => onSelect(row)} className="flex min-h-11 w-full items-start gap-3 pb-2 text-left">
        <span className="flex flex-col items-center self-stretch pt-0.5"><StateIcon state={row.state} size={20} /><span aria-hidden className="mt-1 w-0.5 flex-1 bg-border" /></span>
        <span className="min-w-0 flex-1">
          <span className="flex items-baseline gap-2"><span className="font-[550] text-text">{row.name}</span>{row.state === "running" && <span className="text-running">{text ? "writing" : "running"}</span>}<span className="nums ml-auto text-text-3">{took(row, now)}</span></span>
          {text !== null
            ? <span className="mt-1.5 block rounded-card border border-accent-line bg-accent-soft p-3 text-text"><Untrusted inline text={text} className="whitespace-pre-wrap" /><span aria-hidden className="ml-0.5 inline-block h-[1em] w-0.5 translate-y-0.5 bg-accent" /></span>
            : <span className={clsx("block truncate text-sm", row.state === "failed" ? "text-failed" : "text-text-2")}><Preview text={row.reason} /></span>}
        </span>
      </button>
    </li>
  );
}

function Timing({ rows, colours, now, onSelect }: { rows: TraceRow[]; colours: ReadonlyMap<string, number>; now: number | null; onSelect: (row: TraceRow) => void }) {
  const scale = useScale(rows, now, null);
  return (
    <ol>
      {rows.filter((row) => row.startAt !== null).map((row) => (
        <li key={row.key} className="[contain-intrinsic-size:auto_48px] [content-visibility:auto]">
          <button type="button" onClick={() => onSelect(row)} className="block w-full py-1.5 text-left">
            <span className="flex items-baseline gap-2"><span className="nums text-text-3">{row.seq}</span><span className="text-text">{row.name}</span><span className="nums ml-auto text-text-3">{took(row, now)}</span></span>
            <span className="relative mt-0.5 block h-4"><Grid scale={scale} now={now} /><Bar row={row} scale={scale} colours={colours} now={now} /></span>
          </button>
        </li>
      ))}
    </ol>
  );
}

function Cost({ turns, figures }: { turns: TraceRow[]; figures: Figure[] }) {
  const sum = (rows: TraceRow[], of: (row: TraceRow) => number | null) => rows.reduce((total, row) => total + (of(row) ?? 0), 0);
  return (
    <div className="space-y-4">
      <dl className="grid grid-cols-2 gap-3">{figures.map((figure) => <div key={figure.label}><dt className="text-text-3">{figure.label}</dt><dd className="nums text-fig font-semibold text-text">{figure.value} <span className="text-xs font-normal text-text-3">{figure.note}</span></dd></div>)}</dl>
      <table className="nums w-full text-right">
        <caption className="sr-only">Cost by who acted</caption>
        <thead><tr className="text-xs text-text-3"><th className="text-left font-normal">Who</th><th className="font-normal">Turns</th><th className="font-normal">Tokens</th><th className="font-normal">Cost</th></tr></thead>
        <tbody>{[...grouped(turns.filter((row) => row.turn !== null), (row) => row.name)].map(([name, rows]) => (
          <tr key={name} className="border-t border-border text-text"><th className="py-2 text-left font-normal">{name}</th><td>{count(rows.length)}</td><td>{tokens(sum(rows, (row) => row.promptTokens), sum(rows, (row) => row.completionTokens))}</td><td>{cost(sum(rows, (row) => row.costUsdMicros))}</td></tr>
        ))}</tbody>
      </table>
    </div>
  );
}
