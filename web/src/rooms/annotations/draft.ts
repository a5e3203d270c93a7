/** What somebody is about to say of an item, and how it is sent. Kept in the browser until it is saved. */
import type { AnnotationKind, ItemShown, QueueShown } from "@/kit/api/schema";

import { groupsOf, isComplete, type Ranks } from "./ranking";

export type Choice = "first" | "second" | "tie" | "both_bad";

export interface Draft {
  choice: Choice | null;
  rating: number | null;
  up: boolean | null;
  labels: string[];
  ranks: Ranks;
  /** Answers as they should have been, by the id of the answer. */
  corrections: Record<string, string>;
  reasons: string[];
  rationale: string;
}

export const EMPTY: Draft = { choice: null, rating: null, up: null, labels: [], ranks: {}, corrections: {}, reasons: [], rationale: "" };
export const RATING = { low: 1, high: 9 } as const;
const REASONS = ["Shorter", "More accurate", "Clearer", "Follows the format"];

type Of = Pick<ItemShown, "kind" | "interaction_ids">;

/** The text of a message; a bare call of a tool is shown as what it is. */
export function textOf(message: Record<string, unknown> | null | undefined): string {
  if (!message) return "";
  const { content, tool_calls } = message;
  const parts = Array.isArray(content) ? content.map((part) => (typeof part === "object" && part !== null && "text" in part ? String(part.text) : "")) : [typeof content === "string" ? content : ""];
  if (Array.isArray(tool_calls) && tool_calls.length > 0) parts.push(JSON.stringify(tool_calls, null, 2));
  return parts.filter(Boolean).join("\n");
}

/** Up to four reasons on keys: the guideline's line "Reasons: a, b, c", else those that fit most work. */
export function reasonsOf(guideline: string): string[] {
  const line = /^reasons:\s*(.+)$/im.exec(guideline)?.[1];
  const own = line?.split(/[,;]/).map((each) => each.trim().replace(/\.$/, "")).filter(Boolean) ?? [];
  return (own.length > 0 ? own : REASONS).slice(0, 4);
}

/** Return what is still missing, in words; null: it can be saved. */
export function missing(item: Of, draft: Draft): string | null {
  switch (item.kind) {
    case "choice": return draft.choice ? null : "Choose first: 1, 2, 3 or 4";
    case "rating": return draft.rating === null ? "Rate first: 1 to 9" : null;
    case "thumbs": return draft.up === null ? "Choose first: 1 or 2" : null;
    case "labels": return draft.labels.length > 0 ? null : "Choose at least one label";
    case "ranking": return isComplete(draft.ranks, item.interaction_ids) ? null : "Give each answer a number: its letter, then a digit";
    default: return corrected(item, draft).length > 0 ? null : "Correct the answer first: C";
  }
}

/** Whether a draft holds anything that would be a pity to lose. */
export function isEmpty(draft: Draft): boolean {
  return JSON.stringify(draft) === JSON.stringify(EMPTY);
}

function corrected(item: Of, draft: Draft): [string, string][] {
  return Object.entries(draft.corrections).filter(([id, text]) => item.interaction_ids.includes(id) && text.trim() !== "");
}

function whyOf(draft: Draft): string | null {
  return [draft.reasons.join("; "), draft.rationale.trim()].filter(Boolean).join(". ") || null;
}

/** A judgement as the API takes it; which kind it is decides which fields there are. */
export type Body = { kind: AnnotationKind; interaction_ids: string[] } & Record<string, unknown>;

/**
 * Return the judgements to send, in order. The last one answers the item; corrections made beside a
 * choice go before it, each preferred to the answer it corrects.
 */
export function bodiesOf(item: ItemShown, draft: Draft, queue: Pick<QueueShown, "blind" | "guideline_version">, spentMs: number): Body[] {
  const ids = item.interaction_ids;
  const about = { time_spent_ms: Math.round(spentMs), blind: queue.blind, guideline_version: queue.guideline_version, rationale: whyOf(draft) };
  const answer = (more: Record<string, unknown>): Body => ({ ...about, kind: item.kind, interaction_ids: ids, queue_item_id: item.id, ...more });
  const edits = corrected(item, draft);
  const beside = edits.map(([id, text]): Body => ({ ...about, time_spent_ms: null, rationale: null, kind: "correction", interaction_ids: [id], text }));
  switch (item.kind) {
    case "choice": return [...beside, answer({ choice: draft.choice })];
    case "rating": return [...beside, answer({ rating: draft.rating, ...RATING })];
    case "thumbs": return [...beside, answer({ up: draft.up })];
    case "labels": return [...beside, answer({ labels: draft.labels })];
    case "ranking": return [...beside, answer({ ranking: groupsOf(draft.ranks, ids) })];
    default: return edits.slice(0, 1).map(([, text]) => answer({ text }));
  }
}

/** A draft in a word or two, for the list of what was judged. */
export function wordOf(item: Of, draft: Draft): string {
  switch (item.kind) {
    case "choice": return { first: "A", second: "B", tie: "Tie", both_bad: "Both bad" }[draft.choice ?? "tie"];
    case "rating": return `${draft.rating} of ${RATING.high}`;
    case "thumbs": return draft.up ? "Good" : "Not good";
    case "labels": return draft.labels.join(", ");
    case "ranking": return groupsOf(draft.ranks, item.interaction_ids).map((group) => group.map((id) => letterOf(item.interaction_ids.indexOf(id))).join("=")).join(" > ");
    default: return "Corrected";
  }
}

/** Letters for answers, without those that mean something on the page (g i m n o s u z). */
const LETTERS = "ABCDEFHJKLPQRTVWXY";

export function letterOf(at: number): string {
  return LETTERS[at] ?? String(at + 1);
}
