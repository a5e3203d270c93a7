/** Every judgement there is: who said what of which answer, and whether it counts. */
"use client";

import { PenLine } from "lucide-react";
import { useState } from "react";

import type { AnnotationShown } from "@/kit/api/schema";
import { clockTime, duration, shortId } from "@/kit/format/format";
import { type Column } from "@/kit/table/columns";
import { DataTable } from "@/kit/table/DataTable";
import { Untrusted } from "@/kit/text/Untrusted";
import { href, useUrl } from "@/kit/url";
import { Button } from "@/kit/ui/Button";
import { CheckField, SelectField, TextField } from "@/kit/ui/Field";
import { EmptyState, ErrorBox } from "@/kit/ui/Moments";
import { SidePanel } from "@/kit/ui/SidePanel";
import { say } from "@/kit/ui/Toast";

import { JUDGE_KINDS, saidOf } from "./said";
import { useJudgements, useWithdraw } from "./lists";
import { KINDS } from "./words";

const COLUMNS: Column<AnnotationShown>[] = [
  { id: "at", title: "When", width: 120, cell: (row) => <span className="nums">{clockTime(row.created_at)}</span> },
  { id: "judge", title: "Judge", width: 170, cell: (row) => <><span className="text-text"><Untrusted inline text={row.judge} /></span> <span className="text-text-3">{row.judge_kind}</span></> },
  { id: "kind", title: "Form", width: 96, cell: (row) => KINDS[row.kind].word },
  { id: "said", title: "What was said", width: 220, grow: true, cell: (row) => <span className={row.current ? "text-text" : "text-text-3 line-through"}><Untrusted inline text={saidOf(row)} /></span> },
  { id: "why", title: "Why", width: 200, grow: true, cell: (row) => <Untrusted inline text={row.rationale ?? ""} /> },
  { id: "spent", title: "Time", width: 76, align: "right", cell: (row) => <span className="nums">{duration(row.time_spent_ms === null ? null : row.time_spent_ms / 1000)}</span> },
  { id: "state", title: "Counts", width: 100, cell: (row) => (row.current ? "yes" : row.withdrawn_at ? "withdrawn" : "superseded") },
];
const ANY = { value: "", label: "Any" };

export function Judgements() {
  const { get, set } = useUrl();
  const kind = get("kind") ?? "", judgeKind = get("by") ?? "", judge = get("judge") ?? "", all = get("all") === "1";
  const [typed, setTyped] = useState(judge);
  const found = useJudgements({ kind: (kind || undefined) as never, judge_kind: (judgeKind || undefined) as never, judge: judge || undefined, current: !all });
  const rows = found.data?.pages.flatMap((page) => page.items) ?? [];
  const open = rows.find((row) => row.id === get("open"));
  const filtered = Boolean(kind || judgeKind || judge);
  return (
    <div className="relative flex min-h-0 flex-1">
      <div className="flex min-w-0 flex-1 flex-col">
        <form onSubmit={(event) => { event.preventDefault(); set({ judge: typed.trim() || null }); }} className="flex shrink-0 flex-wrap items-end gap-3 px-6 py-3 max-md:px-3">
          <SelectField label="Form" value={kind} options={[ANY, ...Object.entries(KINDS).map(([value, { word }]) => ({ value, label: word }))]} onChange={(event) => set({ kind: event.target.value })} />
          <SelectField label="Kind of judge" value={judgeKind} options={[ANY, ...JUDGE_KINDS]} onChange={(event) => set({ by: event.target.value })} />
          <TextField label="Judge" value={typed} placeholder="A name" onChange={(event) => setTyped(event.target.value)} onBlur={() => set({ judge: typed.trim() || null })} />
          <CheckField label="Superseded and withdrawn, too" checked={all} onChange={(event) => set({ all: event.target.checked ? 1 : null })} className="pb-1.5" />
        </form>
        <div className="min-h-0 flex-1">
          <DataTable label="Judgements" columns={COLUMNS} rows={rows} rowId={(row) => row.id} rowLabel={(row) => `${KINDS[row.kind].word} by ${row.judge}: ${saidOf(row)}`}
            compact={(row) => ({ lead: saidOf(row), note: `${row.judge}, ${clockTime(row.created_at)}`, aside: row.current ? null : "does not count" })}
            onOpen={(row) => set({ open: row.id }, "push")} current={open?.id ?? null} loading={found.isLoading} error={found.error} retry={() => void found.refetch()}
            empty={filtered ? <EmptyState icon={PenLine} title="No judgement matches" action={<Button onClick={() => { setTyped(""); set({ kind: null, by: null, judge: null }); }}>Clear the filter</Button>} />
              : <EmptyState icon={PenLine} title="Nothing was judged yet" command="camel-ext annotate thumbs last:1 up">Judge in a queue, or let a verifier judge.</EmptyState>}
            older={{ more: found.hasNextPage, loading: found.isFetchingNextPage, load: () => void found.fetchNextPage() }} />
        </div>
      </div>
      {open && <SidePanel title={`${KINDS[open.kind].word} by ${open.judge}`} onClose={() => set({ open: null })}><Detail row={open} /></SidePanel>}
    </div>
  );
}

function Detail({ row }: { row: AnnotationShown }) {
  const withdraw = useWithdraw();
  const facts: [string, React.ReactNode][] = [
    ["Said", <Untrusted key="" text={saidOf(row)} className="text-text" />],
    ["Why", row.rationale ? <Untrusted key="" text={row.rationale} /> : null],
    ["Score", row.score === null ? null : row.score.toFixed(2)],
    ["Judge", `${row.judge}${row.judge_version ? ` (${row.judge_version.slice(0, 16)})` : ""}, ${row.judge_kind}`],
    ["Blind", row.blind ? "yes: who answered was not shown" : "no"],
    ["Guidelines", row.guideline_version ? `version ${row.guideline_version}` : null],
    ["Written", clockTime(row.created_at)],
    ["Counts", row.current ? "yes" : row.withdrawn_at ? `no: withdrawn ${clockTime(row.withdrawn_at)}` : "no: superseded by a newer one"],
  ];
  return (
    <div className="space-y-4 p-4">
      <dl className="grid grid-cols-[88px_1fr] gap-x-3 gap-y-2">{facts.filter(([, value]) => value !== null).map(([name, value]) => <div key={name} className="contents"><dt className="text-text-3">{name}</dt><dd className="min-w-0">{value}</dd></div>)}</dl>
      <section><h2 className="mb-1">Answers, in the order shown</h2><ol className="space-y-1">{row.interaction_ids.map((id, at) => <li key={id}><a className="text-accent underline-offset-2 hover:underline" href={href("/interactions/turn", { id })}>{at + 1}. {shortId(id)}</a></li>)}</ol></section>
      {row.current && <Button kind="danger" busy={withdraw.isPending} onClick={() => withdraw.mutate(row.id, { onSuccess: () => say("Withdrawn: it counts no more") })}>Withdraw it</Button>}
      {withdraw.error && <ErrorBox error={withdraw.error} />}
    </div>
  );
}
