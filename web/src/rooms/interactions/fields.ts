/** What the log can be filtered by, in the words of its filter bar. */
import type { FilterField, Lists } from "@/kit/filter/parse";

/** What the log is asked for by: parameters of the API, of which some are lists. */
export type Filter = Record<string, string | string[]>;

const ALL: readonly FilterField[] = [
  { name: "agent", about: "Which agent", kind: "word", signs: { ":": "agent_id" } },
  { name: "adapter", about: "Answered with this adapter", kind: "word", signs: { ":": "adapter_version_id" } },
  { name: "model", about: "Answered by this base version", kind: "word", signs: { ":": "model_version_id" } },
  { name: "alias", about: "The name that was asked for", kind: "word" },
  { name: "failed", about: "Failed, or not", kind: "flag" },
  { name: "error", about: "Failed with this code", kind: "word", signs: { ":": "error_code" } },
  { name: "latency_ms", about: "Took at least, or less than: 800, 2s", kind: "number", signs: { ">": "min_total_ms", "<": "max_total_ms" } },
  { name: "tokens", about: "Read and wrote at least so many", kind: "number", signs: { ">": "min_tokens" } },
  { name: "since", about: "Recorded from this time: 2h, 7d, 2026-11-25T09:30", kind: "time" },
  { name: "until", about: "Recorded before this time", kind: "time" },
  { name: "tag", about: "Carries this tag", kind: "word" },
  { name: "purpose", about: "Why it was asked", kind: "word", values: ["run", "sample", "eval", "replay", "shadow"] },
  { name: "source", about: "What asked: run, fork, gateway, import", kind: "word" },
  { name: "session", about: "Calls of one session", kind: "word" },
  { name: "run", about: "Turns of one run, by its id", kind: "word", signs: { ":": "run_id" } },
  { name: "turn", about: "One turn of a run, by its key", kind: "word", signs: { ":": "step_key" } },
  { name: "trace", about: "Made by one request, by its trace id", kind: "word", signs: { ":": "trace_id" } },
  { name: "forked_from", about: "Further answers to one prompt, by its id", kind: "word", signs: { ":": "forked_from_id" } },
  { name: "finish", about: "Why the answer ended", kind: "word", signs: { ":": "finish_reason" } },
  { name: "engine", about: "Which engine answered", kind: "word" },
];

/** Every word may be there several times, or led by a minus. */
export const FIELDS: readonly FilterField[] = ALL.map((field) => (field.kind === "word" ? { ...field, many: true } : field));

/** The facets beside the table: the API's name, the filter that a click sets, the heading. */
export const FACETS = [
  { facet: "agent_id", filter: "agent", title: "Agent" },
  { facet: "adapter_version_id", filter: "adapter", title: "Adapter" },
  { facet: "model_version_id", filter: "model", title: "Model" },
  { facet: "purpose", filter: "purpose", title: "Purpose" },
  { facet: "error_code", filter: "error", title: "Error" },
  { facet: "alias", filter: "alias", title: "Alias" },
  { facet: "source", filter: "source", title: "Source" },
  { facet: "finish_reason", filter: "finish", title: "Ended by" },
  { facet: "tag", filter: "tag", title: "Tag" },
] as const;

const VERSIONS = ["adapter_version_id", "model_version_id"];

/** Put ids in place of the names of versions; what is no name is sent as it is, and the server says what is wrong. */
export function toQuery(params: Record<string, string>, lists: Lists, idOf: (name: string) => string | null): Filter {
  const query: Filter = { ...params };
  for (const name of VERSIONS) {
    const value = params[name];
    if (value !== undefined) query[name] = idOf(value) ?? value;
  }
  const asId = (each: string) => {
    const colon = each.indexOf(":"), param = each.slice(0, colon), value = each.slice(colon + 1);
    return VERSIONS.includes(param) ? `${param}:${idOf(value) ?? value}` : each;
  };
  if (lists.one_of) query.one_of = lists.one_of.map(asId);
  if (lists.none_of) query.none_of = lists.none_of.map(asId);
  return query;
}
