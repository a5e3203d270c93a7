/** A ranking in the making: a number for each answer, 1 the best; equal numbers are a tie. Pure functions. */
export type Ranks = Readonly<Record<string, number>>;

/** Return the ids as groups, the best first; those without a number are left out. */
export function groupsOf(ranks: Ranks, ids: readonly string[]): string[][] {
  const ranked = ids.filter((id) => ranks[id] !== undefined);
  const numbers = [...new Set(ranked.map((id) => ranks[id]!))].sort((a, b) => a - b);
  return numbers.map((number) => ranked.filter((id) => ranks[id] === number));
}

/** Return the ids as a reader sees them: by number, then as presented; those without one at the end. */
export function orderOf(ranks: Ranks, ids: readonly string[]): string[] {
  return [...groupsOf(ranks, ids).flat(), ...ids.filter((id) => ranks[id] === undefined)];
}

/** Give an answer a number. The others keep theirs, so that 1, 3, 2 can be typed in any order. */
export function rank(ranks: Ranks, id: string, number: number): Ranks {
  return { ...ranks, [id]: number };
}

export function isComplete(ranks: Ranks, ids: readonly string[]): boolean {
  return ids.every((id) => ranks[id] !== undefined);
}

/**
 * Move an answer half a step: out of a tie to just above or below it, or into a tie with its neighbour.
 * Where not all have a number yet, the order on the screen becomes the ranking first.
 */
export function nudge(ranks: Ranks, ids: readonly string[], id: string, by: -1 | 1): Ranks {
  const groups = whole(ranks, ids);
  const at = groups.findIndex((group) => group.includes(id));
  const alone = groups[at]!.length === 1;
  if (alone && groups[at + by] === undefined) return numbered(groups);
  const without = groups.map((group) => group.filter((each) => each !== id));
  if (alone) {
    without[at + by] = ids.filter((each) => each === id || without[at + by]!.includes(each));
  } else {
    without.splice(by < 0 ? at : at + 1, 0, [id]);
  }
  return numbered(without.filter((group) => group.length > 0));
}

/** Put an answer where another one stands (by drag): it stands alone there, ties of others stay. */
export function place(ranks: Ranks, ids: readonly string[], id: string, over: string): Ranks {
  if (id === over) return numbered(whole(ranks, ids));
  const order = orderOf(ranks, ids);
  const down = order.indexOf(id) < order.indexOf(over);
  const groups = whole(ranks, ids).map((group) => group.filter((each) => each !== id));
  const at = groups.findIndex((group) => group.includes(over));
  groups.splice(down ? at + 1 : at, 0, [id]);
  return numbered(groups.filter((group) => group.length > 0));
}

function whole(ranks: Ranks, ids: readonly string[]): string[][] {
  const rest = ids.filter((id) => ranks[id] === undefined);
  return [...groupsOf(ranks, ids), ...rest.map((id) => [id])];
}

function numbered(groups: string[][]): Ranks {
  return Object.fromEntries(groups.flatMap((group, at) => group.map((id) => [id, at + 1])));
}
