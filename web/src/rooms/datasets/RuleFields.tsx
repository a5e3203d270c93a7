/** The rules, in words; those that are seldom needed folded away. */
"use client";

import { CheckField, SelectField, TextField } from "@/kit/ui/Field";

import type { Rules } from "./rules";

type Numbered = "min_margin" | "min_chosen_score" | "per_prompt_max" | "per_source_max" | "length_ratio_max" | "length_balance" | "overlap_max" | "near_duplicates" | "eval_ratio" | "seed";

const OFTEN: [Numbered, string, string, number, number, number][] = [
  ["min_margin", "Margin at least", "Difference of scores, or share of votes", 0, 1, 0.05],
  ["min_chosen_score", "The better one scores at least", "Empty: any", 0, 1, 0.05],
  ["per_prompt_max", "Pairs of one prompt at most", "Empty: any number", 1, 10_000, 1],
  ["length_balance", "Share where the longer one wins, at most", "Against learning nothing but length", 0.5, 1, 0.05],
  ["near_duplicates", "Drop pairs as alike as", "Empty: keep all", 0.05, 1, 0.05],
  ["eval_ratio", "Share that is held out", "It only watches the training", 0, 0.9, 0.05],
];
const SELDOM: [Numbered, string, string, number, number, number][] = [
  ["per_source_max", "Pairs of one run at most", "Empty: any number", 1, 100_000, 1],
  ["length_ratio_max", "Longer over shorter, at most", "In characters", 1, 1000, 0.5],
  ["overlap_max", "Answers share less than", "Of their word triples", 0, 1, 0.05],
  ["seed", "Seed", "Draws what is held out", 0, 2 ** 31, 1],
];
const KINDS = ["person", "verifier", "agent", "model"];

export function RuleFields({ rules, onChange }: { rules: Rules; onChange: (rules: Rules) => void }) {
  const set = (change: Partial<Rules>) => onChange({ ...rules, ...change });
  const numbers = (fields: typeof OFTEN) => fields.map(([name, label, help, min, max, step]) => (
    <TextField key={name} label={label} help={help} type="number" min={min} max={max} step={step} value={rules[name] ?? ""} onChange={(event) => set({ [name]: event.target.value })} />
  ));
  return (
    <div className="space-y-4">
      <div className="grid gap-4 sm:grid-cols-2 2xl:grid-cols-3">
        <SelectField label="Of the answers to a prompt" value={rules.strategy} onChange={(event) => set({ strategy: event.target.value as Rules["strategy"] })}
          options={[{ value: "best_vs_worst", label: "The best against the worst" }, { value: "best_vs_rest", label: "The best against every other" }, { value: "all", label: "All pairs" }]} help="Choices and corrections always count" />
        {numbers(OFTEN)}
      </div>
      <fieldset className="space-y-1.5">
        <legend className="mb-1 text-sm font-[550] text-text">Whose word counts</legend>
        <div className="flex flex-wrap gap-x-5 gap-y-1.5">
          {KINDS.map((kind) => {
            const chosen = rules.judge_kinds ?? KINDS;
            return <CheckField key={kind} label={{ person: "People", verifier: "Verifiers", agent: "Agents", model: "Judge models" }[kind]} checked={chosen.includes(kind)} onChange={(event) => {
              const next = KINDS.filter((each) => (each === kind ? event.target.checked : chosen.includes(each)));
              set({ judge_kinds: next.length === KINDS.length || next.length === 0 ? null : next });
            }} />;
          })}
        </div>
      </fieldset>
      <details>
        <summary className="min-h-6 cursor-pointer text-text-2 hover:text-text">More rules</summary>
        <div className="mt-3 grid gap-4 sm:grid-cols-2 2xl:grid-cols-3">
          {numbers(SELDOM)}
          <TextField label="Only these judges" help="Names, or name@version, with commas; empty: all" value={(rules.judges ?? []).join(", ")} onChange={(event) => set({ judges: event.target.value.split(",").map((each) => each.trimStart()) })} onBlur={() => set({ judges: (rules.judges ?? []).map((each) => each.trim()).filter(Boolean) })} />
          <SelectField label="Several judges' scores become" value={rules.combine} options={[{ value: "mean", label: "their mean" }, { value: "min", label: "the least" }]} onChange={(event) => set({ combine: event.target.value as Rules["combine"] })} />
          <SelectField label="Never on both sides" value={rules.split_by} options={[{ value: "topic", label: "a topic" }, { value: "prompt", label: "a prompt" }]} onChange={(event) => set({ split_by: event.target.value as Rules["split_by"] })} />
          <CheckField label="An answer that was cut off may be the better one" checked={rules.allow_cut_chosen} onChange={(event) => set({ allow_cut_chosen: event.target.checked })} className="self-end pb-1.5" />
        </div>
      </details>
    </div>
  );
}
