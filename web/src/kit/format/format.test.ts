import { describe, expect, it } from "vitest";

import { ago, clockTime, cost, count, duration, percent, points, rate, shortId, tokens } from "./format";

const NOW = new Date("2026-11-25T14:32:06");

describe("formats", () => {
  it.each([[0, "0"], [9412, "9,412"], [12_800, "12.8 k"], [1_040_000, "1.04 M"], [null, "–"]])(
    "counts %s as %s", (value, shown) => expect(count(value)).toBe(shown));
  it.each([[0.002, "2 ms"], [0.94, "0.94 s"], [12.04, "12.0 s"], [252, "4 m 12 s"], [59.99, "1 m 00 s"], [11_100, "3 h 05 m"]])(
    "shows %s s as %s", (value, shown) => expect(duration(value)).toBe(shown));
  it.each([[0.475, "+47.5"], [-0.09, "−9.0"], [0, "+0.0"]])(
    "shows a difference of %s as %s points", (value, shown) => expect(points(value)).toBe(shown));
  it.each([[4100, "$0.0041"], [1_250_000, "$1.25"], [0, "$0.00"], [undefined, "–"]])(
    "shows %s micro-dollars as %s", (value, shown) => expect(cost(value)).toBe(shown));
  it.each([[0, "0.0"], [0.4, "0.4"], [12, "12.0"], [1840.6, "1,841"], [null, "–"]])(
    "shows %s a minute as %s", (value, shown) => expect(rate(value)).toBe(shown));
  it("writes ratios, tokens and ids", () => {
    expect([percent(0.74), tokens(214, 16), shortId("5e1f0000c07a0000c07a")]).toEqual(["74 %", "214 + 16", "5e1f…c07a"]);
  });
  it("writes a time of today without its day", () => {
    expect(clockTime("2026-11-25T14:30:00", NOW)).toBe("14:30:00");
    expect(clockTime("2026-11-21T14:30:00", NOW)).toBe("21 Nov 14:30");
    expect(ago("2026-11-25T14:29:06", NOW)).toBe("3 min ago");
  });
});
