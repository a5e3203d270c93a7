import { expect, it } from "vitest";

import type { CaseShown } from "@/kit/api/schema";

import { counts, goalOf, pairUp, right, type Scorer, why } from "./pairing";

const brief: Scorer = { name: "brief", description: "", take: "score" };

const shown = (id: string, position: number, score: number | null, more: object = {}) =>
  ({ case_id: id, position, topic: "t", scores: score === null ? {} : { brief: { state: "passed", score, reason: `scored ${score}` } }, error_detail: null, ...more }) as unknown as CaseShown;

const before = [shown("a", 0, 1), shown("b", 1, 0), shown("c", 2, 1), shown("d", 3, 0), shown("e", 4, 0.5)];
const after = [shown("e", 4, 0.49), shown("d", 3, null, { error_detail: "timed out" }), shown("c", 2, 0), shown("b", 1, 1), shown("a", 0, 0.9)];

it("sorts each case into what became of it, broken first", () => {
  const pairs = pairUp(before, after, [{ id: "c", topic: "t", input: { goal: "Why?" }, expect: null }], brief);
  expect(pairs.map(({ id, kind }) => [id, kind])).toEqual([["c", "broken"], ["e", "broken"], ["b", "fixed"], ["d", "wrong"], ["a", "kept"]]);
  expect(counts(pairs)).toEqual({ broken: 2, fixed: 1, wrong: 1, kept: 1 });
  expect(pairs[0]!.goal).toBe("Why?");
  expect([why(pairs[0]!, "brief"), why(pairs[3]!, "brief")]).toEqual(["scored 0", "timed out"]);
});

it("takes the word of a judge who saw both answers, not the scores", () => {
  const judged = { a: { preference: 1, reason: "shorter" }, b: { preference: -1 }, c: { preference: 0 }, d: { preference: null } };
  const pairs = pairUp(before, after, [], brief, judged);
  expect(pairs.map(({ id, kind }) => [id, kind])).toEqual([["b", "broken"], ["e", "broken"], ["a", "fixed"], ["d", "wrong"], ["c", "kept"]]);
  expect(why(pairs[2]!, "brief")).toBe("shorter");
});

it("leaves out what one side has not", () => {
  expect(pairUp(before, after.slice(1), [], brief).map(({ id }) => id)).toEqual(["c", "b", "d", "a"]);
});

it("says a goal by its only input, or all by name", () => {
  expect(goalOf({ goal: "Why?" })).toBe("Why?");
  expect(goalOf({ goal: "Why?", n: 3 })).toBe("goal: Why?\nn: 3");
});

it("takes a verifier's word, not its finer score, unless the suite takes that", () => {
  const near = shown("a", 0, 0.9, { scores: { brief: { state: "failed", score: 0.9, reason: "16 words" } } });
  expect([right(near, { ...brief, take: "passed" }), right(near, brief)]).toEqual([false, true]);
});
