import { expect, it } from "vitest";

import { align, allPositive, describe as say, effectTicks, niceTicks, share, short, smooth, thin } from "./scale";

it("takes round ticks that enclose the values", () => {
  expect(niceTicks(0, 1)).toEqual([0, 0.5, 1]);
  expect(niceTicks(0.0003, 0.0011, 4)).toEqual([0, 0.0005, 0.001, 0.0015]);
  expect(niceTicks(-8.2, 3)).toEqual([-10, -5, 0, 5]);
  expect(niceTicks(5, 5).length).toBeGreaterThan(1);
  expect(niceTicks(Number.NaN, 1)).toEqual([0, 1]);
});

it("keeps zero, what is needed and the interval inside the rule", () => {
  for (const [low, high, needed] of [[0.444, 0.631, 0], [-0.3, -0.1, 0.05], [-0.02, 0.01, 0], [0.2, 0.3, 0.5], [0, 0, 0]] as const) {
    const ticks = effectTicks(low, high, needed);
    for (const value of [0, low, high, needed]) {
      expect(value).toBeGreaterThanOrEqual(ticks[0]!);
      expect(value).toBeLessThanOrEqual(ticks[ticks.length - 1]!);
    }
  }
});

it("goes no further than a ratio can", () => {
  expect(effectTicks(0.73, 1).at(-1)).toBe(1);
  expect(effectTicks(0.5, 0.95).at(-1)).toBe(1);
});

it("draws to scale", () => {
  const ticks = [0, 0.2, 0.4, 0.6, 0.8];
  expect(share(0.4, ticks)).toBe(0.5);
  expect(share(0.54, ticks)).toBeCloseTo(0.675);
  expect(share(9, ticks)).toBe(1);
});

it("smooths without pulling the start to zero", () => {
  expect(smooth([3, 3, 3], 0.9).map((value) => Number(value!.toFixed(9)))).toEqual([3, 3, 3]);
  const [first, second] = smooth([1, 0], 0.5);
  expect(first).toBe(1);
  expect(second).toBeCloseTo(1 / 3); // (0.5 * 0.5 + 0) / 0.75
  expect(smooth([1, 2], 0)).toEqual([1, 2]);
});

it("keeps gaps as gaps, and goes on after them", () => {
  expect(smooth([2, null, 2], 0.6)).toEqual([2, null, 2]);
  expect(smooth([1, Number.NaN], 0.6)[1]).toBeNull();
});

it("lays curves of different steps over one another", () => {
  expect(align([[[1, 5], [3, 6]], [[2, 7]]])).toEqual({ x: [1, 2, 3], y: [[5, null, 6], [null, 7, null]] });
});

it("thins evenly with both ends", () => {
  const many = Array.from({ length: 1000 }, (_, at) => at);
  const few = thin(many, 11);
  expect(few).toHaveLength(11);
  expect([few[0], few[5], few[10]]).toEqual([0, 500, 999]);
  expect(thin([1, 2], 11)).toEqual([1, 2]);
});

it("knows where a log scale cannot be", () => {
  expect(allPositive([[[1, 0.1], [2, null]]])).toBe(true);
  expect(allPositive([[[1, 0]]])).toBe(false);
});

it("writes values short, with a true minus sign", () => {
  expect(short(0.10554969)).toBe("0.106");
  expect(short(-24.61225)).toBe("−24.61");
  expect(short(6.0768987951167925e-6)).toBe("6.1 × 10⁻⁶");
  expect(short(-2.5e7)).toBe("−2.5 × 10⁷");
  expect(short(12345)).toBe("12,345");
  expect(short(0)).toBe("0");
  expect(short(null)).toBe("–");
});

it("says a curve in a sentence", () => {
  expect(say("Loss", [[1, 0.69], [2, 0.2], [3, 0.4]], "step")).toBe("Loss: from 0.69 at step 1 to 0.4 at step 3; least 0.2 at 2, most 0.69 at 1.");
  expect(say("Loss", [], "step")).toBe("Loss: no values yet.");
});
