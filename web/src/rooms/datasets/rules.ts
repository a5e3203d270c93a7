/** The rules of a build as a form holds them: numbers as typed, empty for none. */
import type { PairRules } from "@/kit/api/schema";

export interface Rules {
  judges: string[] | null;
  judge_kinds: string[] | null;
  combine: "mean" | "min";
  strategy: "best_vs_worst" | "best_vs_rest" | "all";
  min_margin: number | string | null;
  min_chosen_score: number | string | null;
  allow_cut_chosen: boolean;
  per_prompt_max: number | string | null;
  per_source_max: number | string | null;
  length_ratio_max: number | string | null;
  length_balance: number | string | null;
  overlap_max: number | string | null;
  near_duplicates: number | string | null;
  eval_ratio: number | string | null;
  split_by: "topic" | "prompt";
  seed: number | string | null;
}

export const FIRST: Rules = {
  judges: null, judge_kinds: null, combine: "mean", strategy: "best_vs_worst", min_margin: 0.1, min_chosen_score: null, allow_cut_chosen: false,
  per_prompt_max: null, per_source_max: null, length_ratio_max: null, length_balance: null, overlap_max: null, near_duplicates: 0.9, eval_ratio: 0.1, split_by: "topic", seed: 0,
};

/** Where a number that is left empty means its default and not "none". */
const ALWAYS = ["min_margin", "eval_ratio", "seed"] as const;

/** What the API takes: numbers as numbers, empty as none, or as the default where there must be one. */
export function rulesOf(rules: Rules): PairRules {
  const shown = Object.entries(rules).map(([name, value]) => {
    if (name === "judges" || name === "judge_kinds") {
      const words = Array.isArray(value) ? value.map((each) => each.trim()).filter(Boolean) : [];
      return [name, words.length > 0 ? words : null];
    }
    if (typeof FIRST[name as keyof Rules] === "boolean" || ["combine", "strategy", "split_by"].includes(name)) return [name, value];
    if (value === null || value === "" || Number.isNaN(Number(value))) return [name, (ALWAYS as readonly string[]).includes(name) ? FIRST[name as keyof Rules] : null];
    return [name, Number(value)];
  });
  return Object.fromEntries(shown) as PairRules;
}
