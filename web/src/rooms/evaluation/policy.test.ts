import { expect, it } from "vitest";

import { readGuardrails, readPins } from "./policy";

it("reads margins in the measure's unit, and as a share", () => {
  expect(readGuardrails("relevant=0.1, latency_ms = 30%\nerror=.05")).toEqual([{ measure: "relevant", margin: 0.1 }, { measure: "latency_ms", margin_ratio: 0.3 }, { measure: "error", margin: 0.05 }]);
  expect(readGuardrails(" ")).toEqual([]);
  expect(() => readGuardrails("relevant")).toThrow("relevant=0.1");
});

it("reads what aliases stand for", () => {
  expect(readPins("small=bundled/brief@1, big = x")).toEqual({ small: "bundled/brief@1", big: "x" });
  expect(() => readPins("small=")).toThrow("alias=model");
});
