import { describe, expect, it } from "vitest";

import { beginning, type Filled, readForm } from "./wanted";

const FILLED: Filled = {
  name: "nightly", task: "workflows.start_run", given: '{"workflow": "solve"}', kind: "cron", cron: "30 2 * * *", zone: "Europe/Berlin",
  amount: "6", unit: "3600", at: "2027-01-01T09:00", overlap: "skip", catchUp: "none", jitterMin: "2.5",
};

describe("the form of a new schedule", () => {
  it("gives what the API takes", () => {
    expect(readForm(FILLED).body).toEqual({
      name: "nightly", task: "workflows.start_run", arguments: { workflow: "solve" }, overlap: "skip", catch_up: "none", jitter_s: 150,
      timing: { kind: "cron", cron: "30 2 * * *", timezone: "Europe/Berlin" },
    });
    expect(readForm({ ...FILLED, jitterMin: "" }).body?.jitter_s).toBe(0);
    expect(readForm({ ...FILLED, kind: "every" }).body?.timing).toEqual({ kind: "every", every_s: 21_600 });
    expect(readForm({ ...FILLED, kind: "once" }).body?.timing).toEqual({ kind: "once", at: new Date("2027-01-01T09:00").toISOString() });
  });

  it.each([
    [{ given: "{workflow" }, "given"], [{ given: "[1]" }, "given"], [{ kind: "every", amount: "0" }, "amount"],
    [{ kind: "every", amount: "soon" }, "amount"], [{ kind: "once", at: "" }, "at"],
    [{ jitterMin: "-1" }, "jitter"], [{ jitterMin: "soon" }, "jitter"],
  ] as [Partial<Filled>, string][])("says what cannot be read: %j", (change, field) => {
    expect(readForm({ ...FILLED, ...change }).wrong?.field).toBe(field);
  });

  it("begins with the arguments that are needed", () => {
    const task = { name: "t", words: "", path: "", arguments: { required: ["workflow", "config"], properties: { workflow: { type: "string" }, config: { $ref: "#" }, seed: { type: "integer" } } } };
    expect(JSON.parse(beginning(task))).toEqual({ workflow: "", config: {} });
    expect(beginning(undefined)).toBe("{}");
  });
});
