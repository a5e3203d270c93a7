/** All runs: which one do I open? Filtered by the URL, live in place; two selected can be compared, any exported. */
"use client";

import { Download, GitCompare, PenLine, Play, Workflow } from "lucide-react";
import dynamic from "next/dynamic";
import { useRouter } from "next/navigation";
import { useMemo, useState } from "react";

import type { RunShown } from "@/kit/api/schema";
import { ago, clockTime, cost, count, digits, duration, tokens } from "@/kit/format/format";
import { FilterBar } from "@/kit/filter/FilterBar";
import type { FilterField } from "@/kit/filter/parse";
import { useFilter } from "@/kit/filter/useFilter";
import { useKeys } from "@/kit/keys/useKeys";
import type { Column } from "@/kit/table/columns";
import { DataTable } from "@/kit/table/DataTable";
import { Selected } from "@/kit/table/Selected";
import { NONE, type Selection } from "@/kit/table/selection";
import { Preview } from "@/kit/text/Preview";
import { Button, LinkButton } from "@/kit/ui/Button";
import { StateChip, Tag } from "@/kit/ui/Chip";
import { Dialog } from "@/kit/ui/Dialog";
import { Fill } from "@/kit/ui/Fill";
import { EmptyState, ErrorBox } from "@/kit/ui/Moments";
import { say } from "@/kit/ui/Toast";
import { href, useUrl } from "@/kit/url";

import { exportRuns } from "./export";
import { type RunsFilter, useRuns, useWorkflows } from "./queries";
import { goalOf } from "./run/messages";
import { ToQueue } from "./ToQueue";

const StartRun = dynamic(() => import("./StartRun").then((module) => module.StartRun), { ssr: false });

const FIELDS: FilterField[] = [
  { name: "state", about: "Where it stands", kind: "word", values: ["queued", "running", "waiting", "succeeded", "failed", "cancelled"] },
  { name: "workflow", about: "Name of the workflow", kind: "word" },
  { name: "purpose", about: "Why it is made", kind: "word", values: ["run", "sample", "eval", "replay", "shadow"] },
  { name: "tag", about: "A tag it carries", kind: "word" },
  { name: "session", about: "Runs of one user", kind: "word" },
  { name: "since", about: "Asked for since: 2h, 3d, or a date", kind: "time" },
  { name: "until", about: "Asked for before", kind: "time" },
];
const QUICK: [string, string, string][] = [["Running", "state", "running"], ["Waiting", "state", "waiting"], ["Failed", "state", "failed"], ["Work, no tests", "purpose", "run"]];

const COLUMNS: Column<RunShown>[] = [
  { id: "state", title: "State", width: 118, cell: (run) => <StateChip state={run.state} waitingFor={run.waiting_for} /> },
  { id: "goal", title: "Goal", width: 200, grow: true, cell: (run) => <Preview text={goalOf(run.input, run.workflow)} className="font-[550] text-text" /> },
  { id: "workflow", title: "Workflow", width: 100, cell: (run) => run.workflow },
  { id: "purpose", title: "Purpose", width: 70, cell: (run) => <Tag>{run.purpose}</Tag> },
  { id: "turns", title: "Turns", width: 50, align: "right", cell: (run) => count(run.turns) },
  { id: "tokens", title: "Tokens", width: 92, align: "right", cell: (run) => tokens(run.prompt_tokens, run.completion_tokens) },
  { id: "cost", title: "Cost", width: 60, align: "right", cell: (run) => cost(run.cost_usd_micros) },
  { id: "time", title: "Time", width: 72, align: "right", cell: (run) => duration(run.running_ms / 1000) },
  { id: "started", title: "Asked for", width: 92, align: "right", cell: (run) => <span title={run.created_at}>{ago(run.created_at)}</span> },
  { id: "tags", title: "Tags", width: 180, hidden: true, cell: (run) => run.tags.join(", ") },
  { id: "seed", title: "Seed", width: 110, align: "right", hidden: true, cell: (run) => String(run.seed) },
];
const rowId = (run: RunShown) => run.id;
const open = (run: RunShown) => href("/workflows/run", { id: run.id });

export function Runs() {
  const { get, set } = useUrl();
  const { source, params, error: mistake, write, edit } = useFilter(FIELDS);
  const filter = useMemo(() => (mistake ? {} : params) as RunsFilter, [params, mistake]);
  const runs = useRuns(filter);
  const workflows = useWorkflows();
  const [selection, setSelection] = useState<Selection>(NONE);
  const rows = useMemo(() => runs.data?.pages.flatMap((page) => page.items) ?? [], [runs.data]);
  const [queueing, setQueueing] = useState(false);
  const router = useRouter();
  const ids = [...selection.ids];
  const start = (shown: boolean) => set({ start: shown ? 1 : null });
  const [unsaved, setUnsaved] = useState<unknown>(null);
  const save = () => void exportRuns(ids).then((made) => say(`${digits(made)} runs saved, with their turns`), setUnsaved);
  useKeys("Runs", [
    { keys: "n", label: "Start a run", run: () => start(true) },
    { keys: "d", label: "Compare the two selected runs", off: ids.length !== 2, run: () => router.push(href("/workflows/diff", { a: ids[0], b: ids[1] })) },
    { keys: "q", label: "Turns of the selected runs to a queue", off: ids.length === 0, run: () => setQueueing(true) },
    { keys: "e", label: "Export the selected runs", off: ids.length === 0, run: save },
    { keys: "Escape", label: "Clear the selection", off: ids.length === 0, run: () => setSelection(NONE) },
  ]);
  return (
    <Fill>
      <h1 className="sr-only">Runs</h1>
      <div className="flex flex-wrap items-start gap-2 px-6 py-3 max-md:px-3">
        <FilterBar label="Filter runs" source={source} onChange={write} fields={FIELDS} values={{ workflow: (workflows.data ?? []).map((each) => ({ value: each.name })) }} placeholder="state:running workflow:solve rivers" />
        <Button kind="ink" icon={Play} keyCap="N" onClick={() => start(true)}>Start a run</Button>
        <p className="flex w-full flex-wrap gap-1.5">
          {QUICK.map(([label, name, value]) => <Tag key={label} title={`${name}:${value}`} onClick={() => edit(name, params[name] === value ? null : value)}>{params[name] === value ? "✓ " : ""}{label}</Tag>)}
        </p>
      </div>
      <div className="relative min-h-0 flex-1 border-t border-border">
        <DataTable label="Runs" columns={COLUMNS} rows={rows} rowId={rowId} href={open} rowLabel={(run) => `${run.state}: ${goalOf(run.input, run.workflow)}`.slice(0, 120)}
          compact={(run) => ({ lead: <Preview text={goalOf(run.input, run.workflow)} />, aside: ago(run.created_at), note: `${run.waiting_for ?? run.state}, ${run.workflow}, ${run.turns === 1 ? "1 turn" : `${run.turns} turns`}, ${duration(run.running_ms / 1000)}` })}
          selection={selection} onSelect={setSelection} loading={runs.isPending} error={runs.error} retry={() => void runs.refetch()}
          older={{ more: runs.hasNextPage, loading: runs.isFetchingNextPage, load: () => void runs.fetchNextPage() }}
          empty={<Nothing filtered={source !== ""} clear={() => write("")} start={() => start(true)} />}
          end={rows.length > 0 ? `${digits(rows.length)} runs; the first was asked for ${clockTime(rows.at(-1)!.created_at)}.` : null} />
        {ids.length > 0 && (
          <Selected label="Selected runs" count={ids.length} onClear={() => setSelection(NONE)}>
            <Button kind="accent" icon={PenLine} keyCap="Q" onClick={() => setQueueing(true)}>To a queue</Button>
            {ids.length === 2 ? <LinkButton icon={GitCompare} keyCap="D" href={href("/workflows/diff", { a: ids[0], b: ids[1] })}>Compare</LinkButton> : <Button icon={GitCompare} disabled reason="Select two runs to compare them">Compare</Button>}
            <Button icon={Download} keyCap="E" onClick={save}>Export</Button>
          </Selected>
        )}
      </div>
      <Dialog open={unsaved !== null} onClose={() => setUnsaved(null)} title="Nothing was saved" actions={<Button onClick={() => setUnsaved(null)}>Close</Button>}><ErrorBox error={unsaved} /></Dialog>
      {queueing && <ToQueue runIds={ids} onClose={() => setQueueing(false)} onDone={() => setSelection(NONE)} />}
      {get("start") && <StartRun wanted={get("workflow") ?? params.workflow ?? null} onClose={() => start(false)} />}
    </Fill>
  );
}

function Nothing({ filtered, clear, start }: { filtered: boolean; clear: () => void; start: () => void }) {
  if (filtered) return <EmptyState icon={Workflow} title="No runs match" action={<Button kind="ink" onClick={clear}>Clear the filter</Button>}>The filter above leaves nothing over.</EmptyState>;
  return <EmptyState icon={Workflow} title="No runs yet" action={<Button kind="ink" icon={Play} onClick={start}>Start a run</Button>} command="camel-ext run solve --input goal=&quot;Name three rivers of Europe.&quot;">Start one, or point your own client here.</EmptyState>;
}
