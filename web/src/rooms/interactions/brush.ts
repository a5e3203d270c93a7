/** Arithmetic of the time line: which part of all time it shows, and what a drag over it means. */

export interface Range { since: number; until: number }

const LEAST_SHARE = 0.04; // a selection narrower than this could not be grasped: the line shows its surroundings
const AROUND = 2;

/** Return the part to draw: everything, or the surroundings of a narrow selection. */
export function windowOf(all: Range, chosen: { since: number | null; until: number | null }): Range {
  const since = Math.max(chosen.since ?? all.since, all.since), until = Math.min(chosen.until ?? all.until, all.until);
  const width = until - since;
  if (width <= 0 || width >= (all.until - all.since) * LEAST_SHARE) return all;
  return { since: Math.max(all.since, since - AROUND * width), until: Math.min(all.until, until + AROUND * width) };
}

/** Return the place of a time in [0, 1]. */
export function shareOf(time: number, { since, until }: Range): number {
  return until <= since ? 0 : Math.min(1, Math.max(0, (time - since) / (until - since)));
}

/** Return what dragging from one share to another chooses, on the edges of whole parts. The last edge is open: now. */
export function chosenBetween(a: number, b: number, parts: number, shown: Range, isNow: boolean): { since: number; until: number | null } {
  const from = Math.min(parts - 1, Math.floor(Math.min(a, b) * parts)), to = Math.max(from + 1, Math.ceil(Math.max(a, b) * parts));
  const part = (shown.until - shown.since) / parts;
  return { since: shown.since + from * part, until: to >= parts && isNow ? null : shown.since + to * part };
}

/** Write a time as the filter has it: to the second, with its zone. */
export function filterTime(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString().replace(/\.\d+Z$/, "Z");
}
