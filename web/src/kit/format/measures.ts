/** What is measured of answers (scores, errors, latency, tokens, cost), each in its own unit, and what guards them. */
import { cost, count, duration, percent, points } from "./format";

/** A guardrail as a verdict found it. */
export interface Rail {
  measure: string; better: "higher" | "lower"; baseline: number; candidate: number; worst: number; margin: number; held: boolean; broken: boolean;
  about_n_more: number | null; description?: string;
}
export function railName(rail: Pick<Rail, "measure" | "description">): string {
  return { latency_ms: "latency", error: "errors", completion_tokens: "tokens written", cost_usd_micros: "cost" }[rail.measure] ?? (rail.description || rail.measure);
}

/** A value of a measure in its own unit. */
export function measured(measure: string, value: number): string {
  if (measure === "latency_ms") return duration(value / 1000);
  if (measure === "completion_tokens") return count(Math.round(value));
  if (measure === "cost_usd_micros") return cost(value);
  return percent(value, 1);
}

/** A change of a measure, signed, in its own unit; scores and errors in points. */
export function changed(measure: string, value: number): string {
  if (["latency_ms", "completion_tokens", "cost_usd_micros"].includes(measure)) return `${value < 0 ? "−" : "+"}${measured(measure, Math.abs(value))}`;
  return value === 0 ? "0.0" : points(value);
}

/** The loss that would have been accepted, signed as the measure would move. */
export function allowed(rail: Rail): number {
  return rail.better === "lower" ? rail.margin : -rail.margin;
}

/** Which share of its margin the worst case uses, in [0, 1]. */
export function used(rail: Rail): number {
  const lost = rail.better === "lower" ? rail.worst : -rail.worst;
  return Math.min(1, Math.max(0, rail.margin > 0 ? lost / rail.margin : lost > 0 ? 1 : 0));
}
