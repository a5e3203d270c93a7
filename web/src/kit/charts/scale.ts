/** The arithmetic of charts: ticks, domains, smoothing, thinning, words. Pure; drawing is elsewhere. */

/** A point of a curve: where, and what; null is a gap. */
export type Point = readonly [x: number, y: number | null];

/** Return about `wanted` round ticks (1, 2 or 5 times a power of ten apart) whose ends enclose low and high. */
export function niceTicks(low: number, high: number, wanted = 5): number[] {
  if (!Number.isFinite(low) || !Number.isFinite(high)) return [0, 1];
  const span = high - low || Math.abs(low) || 1;
  const rough = span / Math.max(1, wanted - 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((by) => by * power).find((each) => each >= rough * 0.999)!;
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil(high / step - 1e-9));
  return Array.from({ length: last - first + 1 }, (_, at) => Number(((first + at) * step).toPrecision(12)));
}

/** Return the ticks of an effect's rule: zero, what is needed and the whole interval lie within; no ratio exceeds 1. */
export function effectTicks(low: number, high: number, needed = 0, wanted = 6): number[] {
  const values = [0, needed, low, high];
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const air = (most - least) * 0.06;
  const top = Math.max(most, Math.min(1, most + air));
  return niceTicks(least - (least < 0 || needed > 0 ? air : 0), top, wanted);
}

/** Return where value lies between the first and last tick, in [0, 1]. */
export function share(value: number, ticks: readonly number[]): number {
  const [first, last] = [ticks[0]!, ticks[ticks.length - 1]!];
  return Math.min(1, Math.max(0, (value - first) / (last - first)));
}

/**
 * Smooth by an exponential moving average whose start is corrected, so that early points are not pulled to zero.
 * weight in [0, 1): 0 changes nothing. Gaps stay gaps and carry the average over.
 * Source: the correction of Kingma & Ba 2015 (arXiv 1412.6980), section 3, as TensorBoard uses it.
 */
export function smooth(values: readonly (number | null)[], weight: number): (number | null)[] {
  if (weight <= 0) return [...values];
  const held = Math.min(weight, 0.999);
  let mean = 0;
  let seen = 0;
  return values.map((value) => {
    if (value === null || !Number.isFinite(value)) return null;
    mean = held * mean + (1 - held) * value;
    seen += 1;
    return mean / (1 - held ** seen);
  });
}

/** Lay curves over one another: all x in order, and for each curve its value there or null. */
export function align(curves: readonly (readonly Point[])[]): { x: number[]; y: (number | null)[][] } {
  const x = [...new Set(curves.flatMap((curve) => curve.map(([at]) => at)))].sort((a, b) => a - b);
  const place = new Map(x.map((at, index) => [at, index]));
  const y = curves.map((curve) => {
    const row = new Array<number | null>(x.length).fill(null);
    for (const [at, value] of curve) row[place.get(at)!] = value;
    return row;
  });
  return { x, y };
}

/** Return at most `most` of the items, evenly taken, always with the first and the last. */
export function thin<T>(items: readonly T[], most: number): T[] {
  if (items.length <= most) return [...items];
  return Array.from({ length: most }, (_, at) => items[Math.round((at * (items.length - 1)) / (most - 1))]!);
}

/** Whether a log scale can show these values. */
export function allPositive(curves: readonly (readonly Point[])[]): boolean {
  return curves.every((curve) => curve.every(([, value]) => value === null || value > 0));
}

/** A value with four significant digits and a true minus sign; tiny ones as powers of ten. */
export function short(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  const text =
    size === 0 ? "0"
    : size < 1e-3 || size >= 1e6 ? value.toExponential(1).replace("e", " × 10^").replace("^+", "^")
    : size >= 1000 ? Math.round(value).toLocaleString("en-US")
    : String(Number(value.toPrecision(size < 1 ? 3 : 4)));
  return text.replace("-", "−").replace(/\^-?[\d−-]+$/, (power) => superscript(power.slice(1)));
}

function superscript(power: string): string {
  return power.replace("−", "-").replace(/[\d-]/g, (sign) => "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"[sign === "-" ? 10 : Number(sign)]!);
}

/** Say a curve in one sentence, for those who do not see it. */
export function describe(label: string, points: readonly Point[], over: string): string {
  const known = points.filter((point): point is readonly [number, number] => point[1] !== null);
  if (known.length === 0) return `${label}: no values yet.`;
  const [first, last] = [known[0]!, known[known.length - 1]!];
  if (known.length === 1) return `${label}: ${short(last[1])} at ${over} ${last[0]}.`;
  const least = known.reduce((best, point) => (point[1] < best[1] ? point : best));
  const most = known.reduce((best, point) => (point[1] > best[1] ? point : best));
  return `${label}: from ${short(first[1])} at ${over} ${first[0]} to ${short(last[1])} at ${over} ${last[0]}; least ${short(least[1])} at ${least[0]}, most ${short(most[1])} at ${most[0]}.`;
}
