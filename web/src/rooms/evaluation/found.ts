/** A comparison's finding and an evaluation's pinned models: fields that the document leaves open. */
import type { ComparisonShown, EvaluationShown } from "@/kit/api/schema";
import type { Rail } from "@/kit/format/measures";

export interface Finding {
  reason: string; primary: string; needed: number; method: string; p: number | null; baseline: number; candidate: number;
  fixed: number; broken: number; kept: number; still_wrong: number; unscored: number; guardrails: Rail[]; about_n_more: number | null; warnings: string[];
}

export function findingOf(shown: ComparisonShown): Finding {
  return shown.result as unknown as Finding;
}

/** The models that answered, by name: "smollm2/brief@1". */
export function answeredBy(shown: Pick<EvaluationShown, "pinned" | "target" | "target_kind">): string {
  const models = Object.values(((shown.pinned as { models?: Record<string, { name?: string; number?: number }> }).models) ?? {});
  const names = [...new Set(models.map(({ name, number }) => `${name ?? "?"}${number === undefined ? "" : `@${number}`}`))];
  return names.join(", ") || shown.target;
}
