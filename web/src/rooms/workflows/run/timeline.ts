/** Where a moment lies on the waterfall. Long idle gaps (a pause of hours, a parent's turns) are cut to a sliver, and shown as cut. Pure. */

export interface Span { startAt: number; endAt: number }
export interface Timeline {
  /** Epoch ms -> seconds of shown time. */ at: (ms: number) => number;
  total_s: number;
  /** Where time was cut, in seconds of shown time, and how much of it, in seconds. */ cuts: { at_s: number; lost_s: number }[];
}

const GAP_SHARE = 0.25;
const SLIVER_SHARE = 0.03;

export function timeline(spans: Span[]): Timeline {
  const sorted = spans.toSorted((a, b) => a.startAt - b.startAt);
  if (sorted.length === 0) return { at: () => 0, total_s: 0, cuts: [] };
  const busy: Span[] = [];
  for (const span of sorted) {
    const last = busy.at(-1);
    if (last && span.startAt <= last.endAt) last.endAt = Math.max(last.endAt, span.endAt);
    else busy.push({ ...span });
  }
  const busyMs = busy.reduce((sum, span) => sum + span.endAt - span.startAt, 0);
  const longest = Math.max(2000, GAP_SHARE * busyMs);
  const sliver = SLIVER_SHARE * Math.max(busyMs, 1);
  const cuts: (Span & { lostBefore: number })[] = [];
  let lost = 0;
  for (let index = 1; index < busy.length; index += 1) {
    const [from, to] = [busy[index - 1]!.endAt, busy[index]!.startAt];
    if (to - from <= longest) continue;
    cuts.push({ startAt: from, endAt: to, lostBefore: lost });
    lost += to - from - sliver;
  }
  const origin = busy[0]!.startAt;
  const at = (ms: number) => {
    let shift = 0;
    for (const cut of cuts) {
      if (ms >= cut.endAt) shift = cut.lostBefore + (cut.endAt - cut.startAt - sliver);
      else if (ms > cut.startAt) shift = cut.lostBefore + (ms - cut.startAt) * (1 - sliver / (cut.endAt - cut.startAt));
    }
    return Math.max(0, (ms - origin - shift) / 1000);
  };
  return { at, total_s: at(busy.at(-1)!.endAt), cuts: cuts.map((cut) => ({ at_s: at(cut.startAt) + sliver / 2000, lost_s: (cut.endAt - cut.startAt) / 1000 })) };
}

/** Three to six round marks between two moments. */
export function ticks(from_s: number, to_s: number): number[] {
  const span = to_s - from_s;
  if (!(span > 0)) return [];
  const rough = span / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough)!;
  const found: number[] = [];
  for (let tick = Math.ceil(from_s / step) * step; tick <= to_s + step / 1e6; tick += step) found.push(Number(tick.toPrecision(12)));
  return found;
}
