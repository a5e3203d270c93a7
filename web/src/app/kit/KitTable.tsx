/** The table, its filter bar and its panel, over rows that are made here. */
"use client";

import { useMemo, useState } from "react";

import { FilterBar } from "@/kit/filter/FilterBar";
import type { FilterField } from "@/kit/filter/parse";
import { DataTable } from "@/kit/table/DataTable";
import { NONE } from "@/kit/table/selection";
import { Button } from "@/kit/ui/Button";
import { StateIcon } from "@/kit/ui/Chip";
import { SidePanel } from "@/kit/ui/SidePanel";

interface Made { id: string; state: string; said: string; tokens: number }

const FIELDS: FilterField[] = [
  { name: "agent", about: "Which agent", kind: "word" },
  { name: "failed", about: "Failed, or not", kind: "flag" },
  { name: "latency_ms", about: "Took at least", kind: "number", signs: { ">": "min_total_ms" } },
];
const make = (at: number): Made => ({ id: `row ${at}`, state: at % 17 === 0 ? "failed" : "succeeded", said: `Made-up row ${at}`, tokens: (at * 37) % 400 });
const rowId = (row: Made) => row.id;
const compact = (row: Made) => ({ lead: row.said, note: row.id, aside: row.tokens });
const COLUMNS = [
  { id: "state", title: "State", narrow: true, width: 20, cell: (row: Made) => <span className="flex"><StateIcon state={row.state} /></span> },
  { id: "said", title: "What", width: 200, grow: true, cell: (row: Made) => row.said },
  { id: "tokens", title: "Tokens", width: 80, align: "right" as const, cell: (row: Made) => row.tokens },
];

export function KitTable() {
  const [source, setSource] = useState("agent:executor latency_ms>800");
  const [selection, setSelection] = useState(NONE);
  const [from, setFrom] = useState(0);
  const [open, setOpen] = useState<string | null>(null);
  const rows = useMemo(() => Array.from({ length: 10_000 - from }, (_, at) => make(from + at)), [from]);
  return (
    <section aria-label="Table" className="mt-3 rounded-card border border-border">
      <div className="flex items-start gap-2 p-3"><FilterBar label="Filter of made-up rows" source={source} onChange={setSource} fields={FIELDS} values={{ agent: [{ value: "executor", count: 412 }, { value: "reviewer", count: 371 }] }} /><Button className="h-9" onClick={() => setFrom((now) => now - 12)}>12 rows come</Button></div>
      <div className="relative flex h-96 border-t border-border">
        <div className="min-w-0 flex-1"><DataTable label="Made-up rows" columns={COLUMNS} rows={rows} rowId={rowId} rowLabel={(row) => row.said} compact={compact} href={(row) => `/kit/?row=${row.id}`} onOpen={(row) => setOpen(row.id)} current={open} selection={selection} onSelect={setSelection} empty={null} end="These are all." /></div>
        {open && <SidePanel title={<strong>{open}</strong>} onClose={() => setOpen(null)}><p className="p-4">Resize at the left edge; Esc closes.</p></SidePanel>}
      </div>
    </section>
  );
}
