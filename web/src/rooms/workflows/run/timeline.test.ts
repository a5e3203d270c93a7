import { describe, expect, it } from "vitest";

import { ticks, timeline } from "./timeline";

describe("the timeline", () => {
  it("is the clock where nothing is cut", () => {
    const line = timeline([{ startAt: 1000, endAt: 2000 }, { startAt: 2100, endAt: 5000 }]);
    expect([line.at(1000), line.at(2000), line.at(5000), line.total_s, line.cuts]).toEqual([0, 1, 4, 4, []]);
  });
  it("cuts a long pause to a sliver and stays in order", () => {
    const line = timeline([{ startAt: 0, endAt: 10_000 }, { startAt: 3_600_000, endAt: 3_610_000 }]);
    expect(line.total_s).toBeCloseTo(20.6);
    expect(line.cuts).toEqual([{ at_s: expect.closeTo(10.3), lost_s: 3590 }]);
    expect(line.at(1_800_000)).toBeGreaterThan(10);
    expect(line.at(1_800_000)).toBeLessThan(10.6);
  });
  it("lets parallel turns overlap", () => {
    const line = timeline([{ startAt: 0, endAt: 4000 }, { startAt: 1000, endAt: 2000 }]);
    expect([line.at(1000), line.at(2000), line.total_s]).toEqual([1, 2, 4]);
  });
  it.each([[0, 5, [0, 1, 2, 3, 4, 5]], [0, 0.94, [0, 0.2, 0.4, 0.6, 0.8]], [3, 3, []]])("marks %s to %s s", (from, to, marks) => {
    expect(ticks(from, to)).toEqual(marks);
  });
});
