/** A trend in the size of a word: shape only, with its sentence; the figure stands beside it. */
import clsx from "clsx";

import { describe, type Point } from "./scale";

const TONES = { accent: "stroke-accent", blue: "stroke-cat-1", orange: "stroke-cat-2", grey: "stroke-text-3", succeeded: "stroke-succeeded", failed: "stroke-failed" };

/** Values in order, null is a gap. `floor` and `ceiling` fix the ends, so that sparks of one column compare. */
export function Spark({ values, label, over = "point", tone = "accent", floor, ceiling, className }: {
  values: readonly (number | null)[]; label: string; over?: string; tone?: keyof typeof TONES; floor?: number; ceiling?: number; className?: string;
}) {
  const points: Point[] = values.map((value, at) => [at + 1, value]);
  const known = values.filter((value): value is number => value !== null);
  if (known.length === 0) return <span className={clsx("inline-block h-6 w-24 text-text-3", className)} title="No values yet">–</span>;
  const low = floor ?? Math.min(...known);
  const span = (ceiling ?? Math.max(...known)) - low || 1;
  const x = (at: number) => (values.length === 1 ? 50 : (at / (values.length - 1)) * 100);
  const y = (value: number) => 22 - ((value - low) / span) * 20;
  const path = values.map((value, at) => {
    if (value === null) return "";
    return `${values[at - 1] == null ? "M" : "L"}${x(at).toFixed(2)} ${y(value).toFixed(2)}`;
  }).join("");
  const last = values.findLastIndex((value) => value !== null);
  return (
    <svg role="img" aria-label={describe(label, points, over)} viewBox="0 0 100 24" preserveAspectRatio="none" className={clsx("inline-block h-6 w-24 overflow-visible", TONES[tone], className)}>
      <path d={path} fill="none" strokeWidth="1.5" strokeLinejoin="round" vectorEffect="non-scaling-stroke" />
      <path d={`M${x(last).toFixed(2)} ${y(values[last]!).toFixed(2)}h0`} strokeWidth="5" strokeLinecap="round" vectorEffect="non-scaling-stroke" />
    </svg>
  );
}
