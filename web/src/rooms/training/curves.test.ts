import { expect, it } from "vitest";

import type { MetricShown } from "@/kit/api/schema";

import { alarmsOn, CHARTS, curvesOf } from "./curves";

const point = (step: number, values: object, kind: "step" | "eval" = "step") => ({ kind, step, at: "2026-11-25T12:00:00Z", values }) as unknown as MetricShown;
const chart = (id: string) => CHARTS.find((each) => each.id === id)!;

it("draws training, held-out pairs and another run apart", () => {
  const curves = curvesOf(chart("loss"), [point(1, { loss: 0.69 }), point(2, { loss: "NaN" })], [point(2, { loss: 0.5 }, "eval")], { name: "brief, before", steps: [point(1, { loss: 0.7 })] });
  expect(curves.map(({ label, kind, points }) => [label, kind, points])).toEqual([
    ["train", undefined, [[1, 0.69], [2, null]]], ["held-out", "hollow", [[2, 0.5]]], ["brief, before", "dashed", [[1, 0.7]]],
  ]);
});

it("counts learning rates in ten-thousandths and memory in gigabytes", () => {
  expect(curvesOf(chart("rate"), [point(1, { learning_rate: 0.0008 })], [])[0]!.points[0]![1]).toBeCloseTo(8);
  expect(curvesOf(chart("memory"), [point(1, { rss_bytes: 1_591_422_976 })], [])[0]!.points[0]![1]).toBeCloseTo(1.591, 2);
});

it("puts an alarm where it is about, and one that is not known on the loss", () => {
  const alarms = [{ code: "chosen_falling", step: 9, words: "" }, { code: "new_kind", step: 4, words: "" }, { code: "memory_short", step: null, words: "" }];
  const found = Object.fromEntries(CHARTS.map((each) => [each.id, alarmsOn(each, alarms)]).filter(([, on]) => (on as unknown[]).length > 0));
  expect(found).toEqual({ logps: [{ from: 9, word: "chosen falling" }], loss: [{ from: 4, word: "new kind" }] });
});
