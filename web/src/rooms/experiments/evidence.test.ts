import { expect, it } from "vitest";

import { changed, measured, type Rail, used } from "@/kit/format/measures";

import { about, type Evidence, gates, luck, story } from "./evidence";

const rail = (more: Partial<Rail> = {}): Rail => ({ measure: "relevant", better: "higher", baseline: 0.92, candidate: 0.93, worst: -0.056, margin: 0.15, held: true, broken: false, about_n_more: null, description: "keeps to the question", ...more });

const shown = (more: Partial<Evidence> = {}): Evidence => ({
  verdict: "better", agent: "answerer", description: "answers in one sentence", primary: "brief", n: 200, fixed: 112, broken: 4, p: 4.6e-16, interval: [0.444, 0.631], needed: 0, leaked: 0, about_n_more: null,
  baseline: { passed: 66 }, candidate: { passed: 174 }, guardrails: [rail()], training: { alarms: [] }, budget: { spent: 0.0304, level: 0.05, cycles: 1 }, decision: null, ...more,
}) as Evidence;

it("tells what happened in words of the agent", () => {
  const words = story(shown());
  expect(words.before + words.strong + words.after).toBe("On 200 goals that training never saw, answerer answers in one sentence 174 times instead of 66. 112 goals fixed, 4 broken. Luck alone would show a difference this large less than once in a billion tries.");
});

it("never claims more than the interval allows", () => {
  expect(luck(shown({ p: 0.0123 }))).toBe("Luck alone would show a difference this large about once in 81 tries.");
  expect(luck(shown({ verdict: "not_worse" }))).toBe("No gain is proven, and no loss beyond what was allowed.");
  expect(luck(shown({ verdict: "inconclusive", interval: [-0.02, 0.1], about_n_more: 83.4 }))).toBe("The interval holds no change, so nothing is proven either way. About 83 more goals would tell.");
  expect(luck(shown({ verdict: "inconclusive", guardrails: [rail({ held: false })] }))).toBe("The gain is real, but these are not shown to have held: keeps to the question.");
  expect(about(1284)).toBe("1,300");
});

it("says of each gate whether it was passed", () => {
  expect(gates(shown({ interval: [-0.01, 0.2], guardrails: [], leaked: 2 })).map(({ name, passed, words }) => [name, passed, words])).toEqual([
    ["Nothing leaked", false, "2 of 200"], ["Training healthy", true, "no alarm"], ["Gain proven", false, "−1.0 ≤ 0"], ["Guardrails", null, "0 of 0 held"],
    ["Error budget", true, "3 of 5 % spent"], ["Person approved", null, "not asked for"],
  ]);
});

it("measures each thing in its unit, and what is used of a margin", () => {
  expect([measured("latency_ms", 5744), measured("relevant", 0.93), measured("cost_usd_micros", 4100)]).toEqual(["5.74 s", "93.0 %", "$0.0041"]);
  expect([changed("latency_ms", -480), changed("relevant", -0.056), changed("error", 0)]).toEqual(["−0.48 s", "−5.6", "0.0"]);
  expect([used(rail()), used(rail({ worst: 0.1 })), used(rail({ better: "lower", worst: 0.05, margin: 0.05 }))].map((share) => Number(share.toFixed(3)))).toEqual([0.373, 0, 1]);
});
