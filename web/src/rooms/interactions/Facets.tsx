/** What there is beside the filter, with counts: a click sets the filter, another takes it out. */
"use client";

import clsx from "clsx";
import { Check, ChevronDown } from "lucide-react";
import { useState } from "react";

import type { FacetsShown, FacetValue } from "@/kit/api/schema";
import { filterValue } from "@/kit/filter/parse";
import { count, digits } from "@/kit/format/format";
import { Preview } from "@/kit/text/Preview";
import { StateIcon } from "@/kit/ui/Chip";

import { FACETS } from "./fields";

const SEARCH_PAST = 8;

interface FacetsProps {
  facets: FacetsShown;
  source: string;
  edit: (name: string, value: string | null) => void;
  nameOf: (id: string | null | undefined) => string | null;
}

export function Facets({ facets, source, edit, nameOf }: FacetsProps) {
  const errors = facets.error_code ?? [];
  const failed = errors.filter((each) => each.value !== null).reduce((sum, each) => sum + each.count, 0);
  const states = [{ value: "no", label: "Succeeded", count: errors.find((each) => each.value === null)?.count ?? 0, state: "succeeded" }, { value: "yes", label: "Failed", count: failed, state: "failed" }];
  return (
    <div role="group" aria-label="Facets" className="space-y-3 p-3 pb-8">
      <Facet title="State">
        {states.map((each) => (
          <Value key={each.value} label={<span className="flex items-center gap-1.5"><StateIcon state={each.state} size={14} />{each.label}</span>} count={each.count}
            on={filterValue(source, "failed") === each.value} onChange={(on) => edit("failed", on ? each.value : null)} />
        ))}
      </Facet>
      {FACETS.map(({ facet, filter, title }) => {
        const values = facets[facet].filter((each): each is FacetValue & { value: string } => each.value !== null);
        const chosen = filterValue(source, filter);
        if (values.length === 0 && chosen === null) return null;
        const named = values.map((each) => ({ ...each, name: nameOf(each.value) ?? each.value }));
        return <Choices key={facet} title={title} values={named} chosen={chosen} onChange={(value) => edit(filter, value)} />;
      })}
      {facets.searched_until && <p className="text-xs text-text-3">Counts are of the newest {digits(facets.rows)} turns.</p>}
    </div>
  );
}

function Choices({ title, values, chosen, onChange }: { title: string; values: { name: string; count: number }[]; chosen: string | null; onChange: (value: string | null) => void }) {
  const [sought, setSought] = useState("");
  const [all, setAll] = useState(false);
  const found = values.filter((each) => each.name.toLowerCase().includes(sought.toLowerCase()));
  const shown = all || sought ? found : found.slice(0, SEARCH_PAST);
  return (
    <Facet title={title}>
      {values.length > SEARCH_PAST && <input aria-label={`Search in ${title}`} placeholder="Search" value={sought} onChange={(event) => setSought(event.target.value)} className="mb-1 h-7 w-full rounded-control border border-border bg-surface px-2 text-xs text-text" />}
      {shown.map((each) => <Value key={each.name} label={<Preview text={each.name} />} title={each.name} count={each.count} on={chosen === each.name} onChange={(on) => onChange(on ? each.name : null)} />)}
      {found.length > shown.length && <button type="button" onClick={() => setAll(true)} className="px-1.5 text-xs text-accent hover:underline">{found.length - shown.length} more</button>}
    </Facet>
  );
}

function Facet({ title, children }: { title: string; children: React.ReactNode }) {
  return (
    <details open className="group">
      <summary className="flex h-6 cursor-pointer list-none items-center justify-between rounded-key px-1.5 text-xs text-text-3 [&::-webkit-details-marker]:hidden">{title} <ChevronDown aria-hidden size={14} className="-rotate-90 group-open:rotate-0" /></summary>
      <div>{children}</div>
    </details>
  );
}

function Value({ label, title, count: n, on, onChange }: { label: React.ReactNode; title?: string; count: number; on: boolean; onChange: (on: boolean) => void }) {
  return (
    <button type="button" aria-pressed={on} title={title} onClick={() => onChange(!on)} className={clsx("flex h-7 w-full items-center gap-2 rounded-control px-1.5 text-left", on ? "bg-accent-soft text-text" : "text-text-2 hover:bg-hover")}>
      <span aria-hidden className={clsx("flex size-3.5 shrink-0 items-center justify-center rounded-[4px] border", on ? "border-accent bg-accent text-on-accent" : "border-border-strong")}>{on && <Check size={12} />}</span>
      <span className="min-w-0 flex-1 truncate">{label}</span>
      <span className="nums text-xs text-text-3">{count(n)}</span>
    </button>
  );
}
