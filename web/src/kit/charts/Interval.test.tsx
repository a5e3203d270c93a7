import { render } from "@testing-library/react";
import { expect, it } from "vitest";

import { Interval, intervalText, levelText } from "./Interval";

it("is drawn to scale, and says the same", () => {
  const { container, getByRole } = render(<Interval effect={0.5} low={0.25} high={0.75} level={0.95} n={120} ticks={[0, 0.5, 1]} />);
  expect(getByRole("img").getAttribute("aria-label")).toBe("+50.0 points, 95 % interval +25.0 to +75.0, n = 120; needed: above zero");
  const bar = container.querySelector<HTMLElement>("[style*=width]")!;
  expect([bar.style.left, bar.style.width]).toEqual(["25%", "50%"]);
});

it("is green only above what is needed, and red only below zero", () => {
  const colour = (low: number, high: number, needed: number) =>
    render(<Interval effect={(low + high) / 2} low={low} high={high} needed={needed} />).container.innerHTML.match(/bg-(succeeded|failed|attention)\/35/)![1];
  expect(colour(0.06, 0.1, 0.05)).toBe("succeeded");
  expect(colour(0.04, 0.1, 0.05)).toBe("attention");
  expect(colour(-0.1, -0.01, 0)).toBe("failed");
});

it("writes levels with no more places than they need", () => {
  expect([levelText(0.95), levelText(0.9696), levelText(0.9924)]).toEqual(["95 %", "97 %", "99.2 %"]);
  expect(intervalText(-0.021, 0.3)).toBe("interval −2.1 to +30.0");
});
