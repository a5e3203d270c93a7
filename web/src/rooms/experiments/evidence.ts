/** A certificate as the server writes it, and its words. It computes nothing that was decided on. */
import { digits, points } from "@/kit/format/format";
import { type Rail, railName } from "@/kit/format/measures";
import type { CertificateShown } from "@/kit/api/schema";

export interface Topic { topic: string; n: number; before: number; after: number; gain: number }
export interface Example { goal: string; before: string; after: string }
interface Side { target: string; version_id: string; content_hash: string; evaluation_id: string; score: number; passed: number }
interface Decision { id: string; kind: "promotion" | "refusal" | "rollback"; created_at: string; automatic: boolean; override: boolean; decided_by: string; reason: string; rolled_back_at: string | null }

/** What the OpenAPI document leaves open, as experiments/certificates.py writes it. */
export type Evidence = Pick<CertificateShown, "id" | "name" | "improvement_id" | "issued_at" | "workflow" | "agent" | "alias" | "verdict" | "effect" | "level" | "alpha" | "n" | "topics"
  | "method" | "p" | "fixed" | "broken" | "kept" | "still_wrong" | "pairs" | "seed" | "wall_s" | "content_hash" | "approved_by"> & {
  interval: [number, number];
  guardrails: Rail[]; baseline: Side; candidate: Side; decision: Decision | null;
  cost: { usd_micros: number; cpu_s: number }; hashes: Record<string, string | null>; environment: Record<string, string>;
  live: { run_id: string; live: boolean; output: string; input: Record<string, unknown> } | null;
  primary: string; description: string; needed: number; unscored: number; about_n_more: number | null;
  by_topic: Topic[]; checks: Record<string, number | [number, number] | null>; warnings: string[]; reason: string; leaked: number; cycle: number;
  examples: { broken: Example[]; fixed: Example[] };
  budget: { level: number; spent: number; cycles: number };
  made_from: { runs: number; candidates: number; judgements: number; pairs: number; steps: number; dataset: string | null };
  training: { id: string | null; alarms: { code: string; words: string }[]; curve: [number, number][] };
  stages: { name: string; wall_s: number }[];
  comparison_id: string;
};

export const plural = (many: number, word: string) => `${digits(many)} ${word}${many === 1 ? "" : "s"}`;

/** Two digits that mean something: an estimate is not exact. */
export function about(value: number): string {
  const whole = Math.round(value);
  const unit = 10 ** Math.max(0, String(whole).length - 2);
  return digits(Math.round(whole / unit) * unit);
}

/** What happened, for who has thirty seconds; `strong` is what to print bold. */
export function story(shown: Evidence): { before: string; strong: string; after: string } {
  const does = shown.description || `passes “${shown.primary}”`;
  return {
    before: `On ${digits(shown.n)} goals that training never saw, ${shown.agent} ${does} `,
    strong: `${digits(shown.candidate.passed)} times instead of ${digits(shown.baseline.passed)}`,
    after: `. ${plural(shown.fixed, "goal")} fixed, ${shown.broken} broken. ${luck(shown)}`,
  };
}

/** What the interval allows to say. */
export function luck(shown: Evidence): string {
  if (shown.verdict === "inconclusive") return doubt(shown);
  if (shown.verdict === "not_worse") return "No gain is proven, and no loss beyond what was allowed.";
  if (shown.p === null) return "";
  const often = shown.p < 1e-9 ? "less than once in a billion tries" : `about once in ${about(1 / shown.p)} tries`;
  return `Luck alone would show a difference this large ${often}.`;
}

function doubt(shown: Evidence): string {
  const lost = shown.guardrails.filter((rail) => !rail.held).map(railName);
  if (lost.length > 0 && shown.interval[0] > shown.needed) return `The gain is real, but these are not shown to have held: ${lost.join(", ")}.`;
  return `The interval holds no change, so nothing is proven either way.${shown.about_n_more ? ` About ${about(shown.about_n_more)} more goals would tell.` : ""}`;
}

export interface Gate { name: string; passed: boolean | null; words: string }

/** What had to hold, and whether it did; null: nobody asked. */
export function gates(shown: Evidence): Gate[] {
  const held = shown.guardrails.filter((rail) => rail.held).length;
  const { alarms } = shown.training;
  const gained = shown.interval[0] > shown.needed;
  const person = shown.decision !== null && shown.decision.kind === "promotion" && !shown.decision.automatic;
  return [
    { name: "Nothing leaked", passed: shown.leaked === 0, words: `${shown.leaked} of ${digits(shown.n)}` },
    { name: "Training healthy", passed: alarms.length === 0, words: alarms.length ? plural(alarms.length, "alarm") : "no alarm" },
    { name: "Gain proven", passed: gained, words: `${points(shown.interval[0])} ${gained ? ">" : "≤"} ${shown.needed === 0 ? "0" : points(shown.needed)}` },
    { name: "Guardrails", passed: shown.guardrails.length ? held === shown.guardrails.length : null, words: `${held} of ${shown.guardrails.length} held` },
    { name: "Error budget", passed: shown.budget.spent <= shown.budget.level, words: `${Number((100 * shown.budget.spent).toPrecision(2))} of ${Number((100 * shown.budget.level).toPrecision(3))} % spent` },
    { name: "Person approved", passed: person ? true : null, words: person ? "yes" : "not asked for" },
  ];
}
