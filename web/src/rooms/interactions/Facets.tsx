/** What there is beside the filter, with counts: a click adds a value, another takes it out; "only" and "not" say the rest. */
"use client";

import clsx from "clsx";
import { Check, ChevronDown, Minus } from "lucide-react";
import { useState } from "react";

import type { FacetsShown, FacetValue } from "@/kit/api/schema";
import { filterValues, withFilter, withValue } from "@/kit/filter/parse";
import { count, digits } from "@/kit/format/format";
import { Preview } from "@/kit/text/Preview";
import { StateIcon } from "@/kit/ui/Chip";

import { FACETS } from "./fields";

const SEARCH_PAST = 8;

interface FacetsProps {
  facets: FacetsShown;
  source: string;
  write: (source: string) => void;
  nameOf: (id: string | null | undefined) => string | null;
}

export function Facets({ facets, source, write, nameOf }: FacetsProps) {
  const errors = facets.error_code ?? [];
  const failed = errors.filter((each) => each.value !== null).reduce((sum, each) => sum + each.count, 0);
  const states = [{ value: "no", label: "Succeeded", count: errors.find((each) => each.value === null)?.count ?? 0, state: "succeeded" }, { value: "yes", label: "Failed", count: failed, state: "failed" }];
  return (
    <div role="group" aria-label="Facets" className="space-y-3 p-3 pb-8">
      <Facet title="State">
        {states.map((each) => (
          <Value key={each.value} label={<span className="flex items-center gap-1.5"><StateIcon state={each.state} size={14} />{each.label}</span>} count={each.count}
            is={filterValues(source, "failed").is.includes(each.value) ? "is" : null} onChange={(how) => write(withFilter(source, "failed", how && each.value))} />
        ))}
      </Facet>
      {FACETS.map(({ facet, filter, title }) => {
        const values = facets[facet].filter((each): each is FacetValue & { value: string } => each.value !== null);
        const chosen = filterValues(source, filter);
        if (values.length === 0 && chosen.is.length + chosen.not.length === 0) return null;
        const named = values.map((each) => ({ ...each, name: nameOf(each.value) ?? each.value }));
        const gone = [...chosen.is, ...chosen.not].filter((name) => !named.some((each) => each.name === name)).map((name) => ({ name, count: 0 })); // chosen, and nothing of it is left
        return (
          <Choices key={facet} title={title} values={[...named, ...gone]} chosen={chosen}
            only={(value) => write(withFilter(source, filter, value))} change={(value, how) => write(withValue(source, filter, value, how))} />
        );
      })}
      {facets.searched_until && <p className="text-xs text-text-3">Counts are of the newest {digits(facets.rows)} turns.</p>}
    </div>
  );
}

type How = "is" | "not" | null;

function Choices({ title, values, chosen, only, change }: {
  title: string; values: { name: string; count: number }[]; chosen: { is: string[]; not: string[] }; only: (value: string) => void; change: (value: string, how: How) => void;
}) {
  const [sought, setSought] = useState("");
  const [all, setAll] = useState(false);
  const found = values.filter((each) => each.name.toLowerCase().includes(sought.toLowerCase()));
  const how = (name: string): How => (chosen.is.includes(name) ? "is" : chosen.not.includes(name) ? "not" : null);
  const shown = all || sought ? found : found.filter((each, at) => at < SEARCH_PAST || how(each.name) !== null);
  return (
    <Facet title={title}>
      {values.length > SEARCH_PAST && <input aria-label={`Search in ${title}`} placeholder="Search" value={sought} onChange={(event) => setSought(event.target.value)} className="mb-1 h-7 w-full rounded-control border border-border bg-surface px-2 text-xs text-text" />}
      {shown.map((each) => (
        <Value key={each.name} label={<Preview text={each.name} />} title={each.name} count={each.count} is={how(each.name)} onChange={(next) => change(each.name, next)}
          only={chosen.is.length === 1 && how(each.name) === "is" ? undefined : () => only(each.name)} />
      ))}
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

const ASIDE = "h-6 rounded-key px-1 text-xs text-accent hover:underline";

function Value({ label, title, count: n, is, onChange, only }: { label: React.ReactNode; title?: string; count: number; is: How; onChange: (how: How) => void; only?: (() => void) | undefined }) {
  const Icon = is === "not" ? Minus : Check;
  return (
    <div className={clsx("group/value relative flex h-7 items-center rounded-control", is === "is" ? "bg-accent-soft text-text" : "text-text-2 hover:bg-hover")}>
      <button type="button" aria-pressed={is === "is"} title={title} onClick={() => onChange(is === null ? "is" : null)} className="flex h-full min-w-0 flex-1 items-center gap-2 rounded-control px-1.5 text-left">
        <span aria-hidden className={clsx("flex size-3.5 shrink-0 items-center justify-center rounded-[4px] border", is === "is" ? "border-accent bg-accent text-on-accent" : is === "not" ? "border-failed text-failed" : "border-border-strong")}>{is && <Icon size={12} />}</span>
        <span className={clsx("min-w-0 flex-1 truncate", is === "not" && "line-through")}>{is === "not" && <span className="sr-only">Not </span>}{label}</span>
        <span className="nums text-xs text-text-3">{count(n)}</span>
      </button>
      {title !== undefined && (
        <span className="absolute right-1 flex bg-hover opacity-0 group-focus-within/value:opacity-100 group-hover/value:opacity-100">
          {only && <button type="button" aria-label={`Only ${title}`} onClick={only} className={ASIDE}>only</button>}
          {is !== "not" && <button type="button" aria-label={`Not ${title}`} onClick={() => onChange("not")} className={ASIDE}>not</button>}
        </span>
      )}
    </div>
  );
}
