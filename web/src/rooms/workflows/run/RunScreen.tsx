/** One run: what did the agents do, and why? Graph, trace with waterfall, and the open turn beside them. */
"use client";

import clsx from "clsx";
import { Workflow } from "lucide-react";
import Link from "next/link";
import { useRouter } from "next/navigation";
import { useCallback, useMemo } from "react";

import { shortId } from "@/kit/format/format";
import { useKeys } from "@/kit/keys/useKeys";
import { usePhone } from "@/kit/table/measure";
import { Untrusted } from "@/kit/text/Untrusted";
import { StateChip } from "@/kit/ui/Chip";
import { Copy } from "@/kit/ui/Copy";
import { EmptyState, ErrorBox, Skeleton } from "@/kit/ui/Moments";
import { say } from "@/kit/ui/Toast";
import { href, useUrl } from "@/kit/url";

import { useRetry, useRunAction } from "../queries";
import { beside, chosen, comparable, retryFrom } from "./choosing";
import { ActionError, Controls } from "./Controls";
import { Waiting } from "./Decide";
import { ForkDialog } from "./Fork";
import { FigureRow } from "./FigureRow";
import { figuresOf } from "./figures";
import { seen, useFolds } from "./folds";
import { coloursOf } from "./look";
import { goalOf } from "./messages";
import { PhoneRun } from "./PhoneRun";
import { type Mode, RunGraph } from "./RunGraph";
import type { TraceRow } from "./trace";
import { TraceTree, unfoldOrLeave } from "./TraceTree";
import { TurnDiffDialog } from "./TurnDiff";
import { type Tab, TABS, tabsOf, TurnPanel } from "./TurnPanel";
import { useNow, useRunData } from "./useRunData";

export function RunScreen() {
  const id = useUrl().get("id");
  if (!id) return <EmptyState icon={Workflow} title="Which run?">Its address names it: choose one in Runs.</EmptyState>;
  return <OneRun key={id} id={id} />;
}

function OneRun({ id }: { id: string }) {
  const url = useUrl();
  const router = useRouter();
  const { run: query, rows, plan, going, writing, error, refetch } = useRunData(id);
  const run = query.data;
  const now = useNow(run?.state === "running");
  const { folded, fold } = useFolds(id, rows);
  const visible = useMemo(() => seen(rows, folded), [rows, folded]);
  const colours = useMemo(() => coloursOf(rows), [rows]);
  const phone = usePhone();
  const act = useRunAction(run);
  const retry = useRetry(id);
  const wanted = url.get("turn");
  const row = useMemo(() => chosen(rows, wanted), [rows, wanted]);
  const tab = (TABS as readonly string[]).includes(url.get("tab") ?? "") ? (url.get("tab") as Tab) : "answer";
  const select = useCallback((next: TraceRow) => url.set({ turn: next.seq ?? next.key }), [url]);
  const mode: Mode = url.get("graph") === "expanded" ? "expanded" : "aggregated";
  const setMode = (next: Mode) => url.set({ graph: next === "expanded" ? next : null });
  const before = useMemo(() => comparable(rows, row), [rows, row]);
  const against = rows.find((each) => each.key === url.get("diff"));
  const answer = row?.kind === "model" ? row.call?.id ?? row.turn?.interaction_id ?? null : null;
  const again = run ? retryFrom(run, row, wanted) : null;
  const startAnew = () => retry.mutate(again?.key ?? null, { onSuccess: (made) => { say(`A new run began from ${again?.name}`); router.push(href("/workflows/run", { id: made.id })); } });
  const walk = (by: 1 | -1) => { const next = beside(visible, row, by); if (next) select(next); };
  const stay = { turn: row?.seq ?? row?.key ?? null }; // a dialog is about its turn, however the run goes on
  const fork = () => url.set({ fork: 1, ...stay });
  const diff = (other: TraceRow) => url.set({ diff: other.key, ...stay });

  useKeys("Run", [
    { keys: "j", label: "Next turn", repeat: true, run: () => walk(1) },
    { keys: "k", label: "Turn before", repeat: true, run: () => walk(-1) },
    { keys: "h", label: "Fold, or go up", off: !row, run: () => { if (row) unfoldOrLeave(row, rows, folded, fold, select); } },
    { keys: "l", label: "Unfold", off: !row, run: () => { if (row) fold(row.key, false); } },
    { keys: ["1", "2", "3", "4", "5"], label: "Tabs of the turn", off: !row, run: (event) => { const next = row && tabsOf(row)[Number(event.key) - 1]; if (next) url.set({ tab: next }); } },
    { keys: "f", label: "Fork: ask the turn again", off: !answer, run: fork },
    { keys: "d", label: "Diff with another turn", off: !before, run: () => before && diff(before) },
    { keys: "a", label: "Judge the turn", off: !answer, run: () => url.set({ tab: "judgements" }) },
    { keys: "m", label: "Graph: aggregated, expanded", run: () => setMode(mode === "expanded" ? "aggregated" : "expanded") },
    { keys: ["w", "Escape"], label: "Follow live", run: () => url.set({ turn: null }) },
  ]);

  const figures = run ? figuresOf(run, rows, now) : [];
  const graph = run && (
    <RunGraph run={run} rows={rows} plan={plan} colours={colours} selected={row?.key ?? null} mode={mode} onMode={setMode} going={going} following={wanted === null} onFollow={() => url.set({ turn: null })}
      onTouch={() => { if (going && row) select(row); }} onSelect={(key) => { const found = rows.find((each) => each.key === key); if (found) select(found); }} />
  );

  if (!run && error) return <div className="py-6"><ErrorBox error={error} retry={refetch} /></div>;
  if (!run) return <Skeleton rows={8} label="Loading the run" />;
  return (
    <div className="relative -mx-6 flex h-[calc(100%+24px)] min-h-0 max-md:-mx-3 max-md:h-auto max-md:pb-20">
      <div className="flex min-h-0 min-w-0 flex-1 flex-col">
        <header className="flex min-h-[52px] flex-wrap items-center gap-x-3 gap-y-2 px-5 py-2.5 max-md:px-3">
          <StateChip state={run.state} waitingFor={run.waiting_for} />
          <h1 className="min-w-0 flex-1 truncate max-md:order-first max-md:basis-full max-md:whitespace-normal"><Untrusted inline text={goalOf(run.input, run.workflow)} /></h1>
          <span className="flex flex-wrap items-center gap-2 max-md:fixed max-md:inset-x-0 max-md:bottom-14 max-md:z-20 max-md:flex-nowrap max-md:border-t max-md:border-border max-md:bg-surface max-md:p-3 max-md:*:flex-1"><Controls run={run} act={act} onRetry={startAnew} retrying={retry.isPending} retryFrom={again?.name ?? null} /></span>
        </header>
        <p className="-mt-2 flex flex-wrap items-center gap-x-4 px-5 pb-1.5 text-xs text-text-3 max-md:px-3">
          <span>{run.workflow}</span><Copy text={run.id} label="Copy id" className="font-mono">{shortId(run.id)}</Copy>
          {run.parent_run_id && <Link className="text-accent underline-offset-2 hover:underline" href={href("/workflows/run", { id: run.parent_run_id })}>retries a run from its turn {run.prefix_seq + 1}</Link>}
        </p>
        <FigureRow figures={figures} />
        <Waiting run={run} act={act} />
        {(act.error || retry.error) && <div className="px-5 pb-3"><ActionError act={act} />{retry.error && <ErrorBox error={retry.error} />}</div>}
        {error && <div className="px-5 pb-3"><ErrorBox error={error} retry={refetch} /></div>}
        {run.error_code && <div role="alert" className="mx-5 mb-3 max-h-24 shrink-0 overflow-y-auto rounded-card border border-failed px-3 py-2 text-text max-md:mx-3" tabIndex={0}><strong>The run stopped at turn {run.turns + 1}.</strong> <Untrusted inline text={run.error_detail ?? ""} /> <Copy text={`${run.error_code} ${run.trace_id}`} className="font-mono text-xs text-text-3">{run.error_code} trace {shortId(run.trace_id)}</Copy></div>}
        {phone ? (
          <PhoneRun rows={rows} figures={figures} colours={colours} now={now} writing={writing} pane={url.get("pane")} onPane={(pane) => url.set({ pane })} onSelect={(next) => url.set({ turn: next.seq ?? next.key }, "push")} graph={graph} />
        ) : graph}
        {!phone && <TraceTree rows={visible} all={rows} selected={row?.key ?? null} folded={folded} colours={colours} now={now} onSelect={select} onFold={fold} />}
      </div>
      {row && (
        <aside aria-label="The open turn" className={clsx("w-[432px] shrink-0 border-l border-border bg-subtle max-lg:absolute max-lg:inset-y-0 max-lg:right-0 max-lg:z-20 max-lg:max-w-full max-lg:shadow-pop max-md:fixed max-md:inset-0 max-md:z-40 max-md:w-full", wanted === null && "max-lg:hidden")}>
          <TurnPanel row={row} tab={tab} onTab={(next) => url.set({ tab: next })} onClose={() => url.set({ turn: null })} writing={row.turn ? null : writing.get(row.key) ?? null} before={before} over={!going} onDiff={diff} onFork={fork} />
        </aside>
      )}
      {row && answer && url.get("fork") && <ForkDialog interactionId={answer} seq={row.seq} onClose={() => url.set({ fork: null })} />}
      {row && against && <TurnDiffDialog row={row} other={against} rows={rows} onPick={(other) => url.set({ diff: other.key })} onClose={() => url.set({ diff: null })} />}
    </div>
  );
}
