/** A stored judgement in words. */
import type { AnnotationShown } from "@/kit/api/schema";

import { letterOf } from "./draft";

export const JUDGE_KINDS = ["person", "verifier", "agent", "model"].map((value) => ({ value, label: value[0]!.toUpperCase() + value.slice(1) }));

/** What it says, with letters for the answers in the order they were shown. */
export function saidOf({ kind, value, interaction_ids: ids }: Pick<AnnotationShown, "kind" | "value" | "interaction_ids">): string {
  const letter = (id: unknown) => letterOf(ids.indexOf(String(id)));
  switch (kind) {
    case "choice": return value.both_bad ? "Both bad" : value.chosen_id == null ? "Tie" : `${letter(value.chosen_id)} is better`;
    case "ranking": return (value.ranking as unknown[][]).map((group) => group.map(letter).join("=")).join(" > ");
    case "rating": return `${String(value.rating)} of ${String(value.low)} to ${String(value.high)}`;
    case "thumbs": return value.up ? "Good" : "Not good";
    case "labels": return (value.labels as unknown[]).map(String).join(", ");
    case "verdict": return [value.state, value.reason].filter(Boolean).map(String).join(": ");
    default: return String(value.text ?? "");
  }
}
