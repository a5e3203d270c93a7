/** Which logged answers something is made of (a queue, a check, a dataset): the filter of the log, and how many match. */
"use client";

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";

import { api, ApiError, unwrap } from "../api/client";
import type { InteractionFilter } from "../api/schema";
import { digits } from "../format/format";
import { FilterBar } from "./FilterBar";
import { type FilterField, parseFilter, writeFilter } from "./parse";

const ALL: readonly FilterField[] = [
  { name: "agent", about: "Which agent", kind: "word", signs: { ":": "agent_id" } },
  { name: "tag", about: "Carries this tag, such as topic:rivers", kind: "word" },
  { name: "run", about: "Turns of one run, by its id", kind: "word", signs: { ":": "run_id" } },
  { name: "purpose", about: "Why it was asked", kind: "word", values: ["run", "sample"] },
  { name: "alias", about: "The name that was asked for", kind: "word" },
  { name: "model", about: "Answered by this base version, by its id", kind: "word", signs: { ":": "model_version_id" } },
  { name: "adapter", about: "Answered with this adapter, by its id", kind: "word", signs: { ":": "adapter_version_id" } },
  { name: "forked_from", about: "Further answers to one prompt, by its id", kind: "word", signs: { ":": "forked_from_id" } },
  { name: "session", about: "Calls of one session", kind: "word" },
  { name: "source", about: "What asked: run, fork, gateway, import", kind: "word" },
  { name: "failed", about: "Failed, or not", kind: "flag" },
  { name: "since", about: "Recorded from this time: 2h, 7d, 2026-11-25T09:30", kind: "time" },
  { name: "until", about: "Recorded before this time", kind: "time" },
];

const FIELDS: readonly FilterField[] = ALL.map((field) => (field.kind === "word" ? { ...field, many: true } : field));

/** Read the text of a filter; null: there is a mistake in it, which the bar points at. */
export function answersOf(source: string): InteractionFilter | null {
  const { params, lists, error } = parseFilter(source, FIELDS, "text");
  if (error) return null;
  const { failed, ...rest } = params;
  return { ...rest, ...lists, ...(failed !== undefined && { failed: failed === "true" }) } as InteractionFilter;
}

/** Write a filter as text. Until when is left out: whoever filters anew means until now. */
export function sourceOf(filter: Record<string, unknown>): string {
  return writeFilter({ ...filter, until: null }, FIELDS, "text");
}

export function AnswersFilter({ label, source, onChange }: { label: string; source: string; onChange: (source: string) => void }) {
  const filter = useMemo(() => answersOf(source), [source]);
  const count = useQuery({
    queryKey: ["interactions", "count", filter], enabled: filter !== null, placeholderData: keepPreviousData,
    queryFn: () => unwrap(api.GET("/api/v1/interactions/count", { params: { query: filter as never } })),
  });
  return (
    <div className="space-y-1">
      <p aria-hidden className="text-sm font-[550] text-text">{label}</p>
      <FilterBar label={label} source={source} onChange={onChange} fields={FIELDS} placeholder="All answers. Narrow them: tag:topic:rivers agent:answerer" />
      <p role="status" className="nums text-xs text-text-3">
        {count.error ? <span className="text-failed">{count.error instanceof ApiError ? count.error.problem.detail : String(count.error)}</span>
          : count.data ? `${count.data.exact ? "" : "At least "}${digits(count.data.count)} ${count.data.count === 1 ? "call matches" : "calls match"}` : " "}
      </p>
    </div>
  );
}
