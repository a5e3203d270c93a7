import { expect, it } from "vitest";

import { leaningOf, tallyOf } from "./leaning";

it("counts what a judge preferred, and how often the order did not matter", () => {
  const judging = { found: { a: { preference: 1 }, b: { preference: 1 }, c: { preference: 0 }, d: { preference: -1 }, e: { preference: null } }, bias: { consistent: 3, consistent_ratio: 0.75 } };
  expect(tallyOf(judging)).toEqual({ better: 2, worse: 1, neither: 1, unread: 1 });
  expect(leaningOf(judging)).toBe(0.75);
  expect(leaningOf({ found: {}, bias: {} })).toBeNull();
});
