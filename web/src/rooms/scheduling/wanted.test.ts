import { describe, expect, it } from "vitest";

import type { ScheduleShown } from "@/kit/api/schema";

import { beginning, type Filled, filledFrom, readForm, whenOf } from "./wanted";

const FILLED: Filled = {
  name: "nightly", task: "workflows.start_run", given: '{"workflow": "solve"}', kind: "cron", cron: "30 2 * * *", zone: "Europe/Berlin",
  amount: "6", unit: "3600", at: "2027-01-01T09:00", overlap: "skip", catchUp: "none", jitterMin: "2.5",
};

describe("the form of a new schedule", () => {
  it("gives what the API takes", () => {
    expect(readForm(FILLED).body).toEqual({
      task: "workflows.start_run", arguments: { workflow: "solve" }, overlap: "skip", catch_up: "none", jitter_s: 150,
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

const WAS: ScheduleShown = {
  id: "1", name: "nightly", description: "d", task: "workflows.start_run", arguments: { workflow: "solve", input: { n: [1] } }, words: "", timing: { kind: "cron", cron: "0 4 * * *", timezone: "Asia/Kolkata" },
  starts_at: null, ends_at: "2199-01-01T00:00:00Z", jitter_s: 100, catch_up: "all", catch_up_limit: 3, grace_s: 600, overlap: "queue", paused: true, paused_at: null, pause_reason: null,
  next_at: null, last_tick_at: null, principal_id: "1", revision: 3, created_at: "2026-01-01T10:00:00Z", updated_at: "2026-01-01T10:00:00Z",
};

const REPLACED = ["description", "task", "arguments", "timing", "starts_at", "ends_at", "jitter_s", "catch_up", "catch_up_limit", "grace_s", "overlap", "paused"] as const;

describe("the form of a schedule that is there", () => {
  it.each([
    ["cron", {}], ["seconds", { timing: { kind: "every", every_s: 45 } }], ["hours", { timing: { kind: "every", every_s: 21_600 } }], ["days", { timing: { kind: "every", every_s: 172_800 } }],
    ["once", { timing: { kind: "once", at: "2027-01-01T09:00:00.000Z" } }], ["to the second", { timing: { kind: "once", at: "2027-07-01T09:00:07.000Z" } }], ["on time", { jitter_s: 0 }],
  ] as [string, Partial<ScheduleShown>][])("changes nothing by itself: %s", (_, change) => {
    const was = { ...WAS, ...change };
    expect(readForm(filledFrom(was), was).body).toEqual(Object.fromEntries(REPLACED.map((name) => [name, was[name]])));
  });

  it("says each delay of whole seconds as minutes, and reads it back", () => {
    const wrong = Array.from({ length: 3601 }, (_, jitter_s) => jitter_s).filter((jitter_s) => readForm(filledFrom({ ...WAS, jitter_s })).body?.jitter_s !== jitter_s);
    expect(wrong).toEqual([]);
  });

  it("counts an interval on from when it was made, unless it says from when", () => {
    const body = readForm({ ...filledFrom(WAS), kind: "every" }, WAS).body!;
    expect(whenOf(body, WAS)).toMatchObject({ starts_at: WAS.created_at, ends_at: WAS.ends_at });
    expect(whenOf({ ...body, starts_at: "2027-01-01T09:00:00Z" }, WAS).starts_at).toBe("2027-01-01T09:00:00Z");
    expect(whenOf(body).starts_at).toBeNull();
  });
});
