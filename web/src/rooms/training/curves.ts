/** From a training's points to the curves of its charts. Pure. */
import type { Curve } from "@/kit/charts/Curves";
import type { Alarm } from "@/kit/charts/plot";
import type { AlarmShown, MetricShown } from "@/kit/api/schema";

interface Line { field: string; label: string; scale?: number }
export interface ChartSpec { id: string; title: string; unit?: string; lines: readonly Line[]; heldOut?: string; zero?: boolean; alarms: readonly string[]; /** Not noise, but what was set or is: never smoothed. */ exact?: boolean }

const GB = 1e-9;

export const CHARTS: readonly ChartSpec[] = [
  { id: "loss", title: "Loss", lines: [{ field: "loss", label: "train" }], heldOut: "loss", zero: true, alarms: [] },
  { id: "margin", title: "Reward margin", lines: [{ field: "margin", label: "train" }], heldOut: "margin", zero: true, alarms: ["margin_explosion"] },
  { id: "accuracy", title: "Reward accuracy", lines: [{ field: "accuracy", label: "train" }], heldOut: "accuracy", zero: true, alarms: [] },
  { id: "logps", title: "Log-probability", unit: "nats an answer", lines: [{ field: "chosen_logps", label: "chosen" }, { field: "rejected_logps", label: "rejected" }], alarms: ["chosen_falling"] },
  { id: "grad", title: "Gradient norm", lines: [{ field: "grad_norm", label: "before clipping" }], zero: true, alarms: [] },
  { id: "rate", title: "Learning rate", unit: "10⁻⁴", lines: [{ field: "learning_rate", label: "schedule", scale: 1e4 }], zero: true, alarms: [], exact: true },
  { id: "speed", title: "Tokens", unit: "a second", lines: [{ field: "tokens_per_s", label: "this machine" }], zero: true, alarms: [], exact: true },
  { id: "memory", title: "Memory", unit: "GB", lines: [{ field: "rss_bytes", label: "the trainer", scale: GB }], zero: true, alarms: ["memory_short"], exact: true },
];

const CLAIMED = new Set(CHARTS.flatMap((chart) => chart.alarms));

function line(points: readonly MetricShown[], { field, scale = 1 }: Line): [number, number | null][] {
  return points.map(({ step, values }) => {
    const value = (values as Record<string, unknown>)[field];
    return [step, typeof value === "number" && Number.isFinite(value) ? value * scale : null];
  });
}

/** The curves of one chart: chosen is blue, rejected orange, held-out hollow, another run grey and dashed. */
export function curvesOf(chart: ChartSpec, steps: readonly MetricShown[], looks: readonly MetricShown[], other?: { name: string; steps: readonly MetricShown[] }): Curve[] {
  const own = chart.lines.map((each, at): Curve => ({ label: each.label, points: line(steps, each), tone: at === 0 ? "blue" : "orange" }));
  const held: Curve[] = chart.heldOut && looks.length > 0 ? [{ label: "held-out", points: line(looks, { field: chart.heldOut, label: "" }), tone: "orange", kind: "hollow" }] : [];
  const beside: Curve[] = other ? [{ label: other.name, points: line(other.steps, chart.lines[0]!), tone: "grey", kind: "dashed" }] : [];
  return [...own, ...held, ...beside];
}

/** The alarms that belong on a chart; what no chart claims stands on the loss. */
export function alarmsOn(chart: ChartSpec, alarms: readonly AlarmShown[]): Alarm[] {
  return alarms.filter(({ code, step }) => step != null && (chart.alarms.includes(code) || (chart.id === "loss" && !CLAIMED.has(code))))
    .map(({ code, step }) => ({ from: step!, word: code.replaceAll("_", " ") }));
}
