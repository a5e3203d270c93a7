import { describe, expect, it } from "vitest";

import type { RuleShown } from "@/kit/api/schema";

import { bodyOf, type Filled, filledFrom, pace, readChannel, readRule, whereOf } from "./wanted";

const FILLED: Filled = {
  name: "failures", types: ["workflows.run.finished"], condition: " event.data.state == 'failed' ", channel: "hook", digest: "daily", dailyAt: "07:30",
  quiet: true, quietFrom: "22:00", quietUntil: "07:00", zone: "Europe/Berlin", throttleMin: "10", enabled: true,
};

describe("the form of a rule", () => {
  it("gives what the API takes", () => {
    expect(readRule(FILLED)).toEqual({
      name: "failures", event_types: ["workflows.run.finished"], condition: "event.data.state == 'failed'", channel: "hook", digest: "daily",
      daily_at: "07:30", quiet_from: "22:00", quiet_until: "07:00", timezone: "Europe/Berlin", throttle_s: 600, enabled: true,
    });
  });

  it("holds nothing of the inbox back", () => {
    expect(readRule({ ...FILLED, channel: "" })).toMatchObject({ channel: null, digest: "immediate", quiet_from: null, quiet_until: null, throttle_s: 0 });
  });

  it.each([["", 0], ["soon", 0], ["-1", 0], ["1.5", 90]])("reads %j minutes as %d s", (throttleMin, seconds) => {
    expect(readRule({ ...FILLED, throttleMin }).throttle_s).toBe(seconds);
  });

  it("says no condition where none is written", () => expect(readRule({ ...FILLED, condition: " " }).condition).toBeNull());
});

describe("the form of a rule that is there", () => {
  const rule: RuleShown = {
    id: "1", name: "failures", event_types: ["workflows.run.finished", "jobs.job.died"], condition: null, channel: "hook", digest: "hourly", daily_at: "08:00",
    quiet_from: null, quiet_until: null, timezone: "Europe/Berlin", throttle_s: 100, enabled: false, builtin: false, revision: 3, created_at: null, updated_at: null,
  };
  it.each([
    ["as it is", {}],
    ["with quiet hours", { quiet_from: "23:15", quiet_until: "06:00", throttle_s: 0 }],
    ["to the inbox", { channel: null, digest: "immediate" as const, throttle_s: 0 }],
  ])("changes nothing by itself: %s", (_, change) => {
    const before = { ...rule, ...change };
    expect(readRule(filledFrom(before))).toEqual(bodyOf(before));
  });
});

describe("the form of a channel", () => {
  it.each([
    ["webhook", " https://hooks.example.com/x ", { kind: "webhook", url: "https://hooks.example.com/x" }],
    ["email", "ada@example.com, grace@example.com\n", { kind: "email", to: ["ada@example.com", "grace@example.com"] }],
    ["apprise", "APPRISE_CHAT", { kind: "apprise", url_env: "APPRISE_CHAT" }],
  ])("reads a %s", (kind, where, config) => expect(readChannel(kind, where)).toEqual(config));
});

describe("the form of a channel that is there", () => {
  it.each([
    ["webhook", "https://hooks.example.com", { kind: "webhook", url: "https://hooks.example.com" }],
    ["email", "ada@example.com, grace@example.com", { kind: "email", to: ["ada@example.com", "grace@example.com"] }],
    ["apprise", "$APPRISE_CHAT", { kind: "apprise", url_env: "APPRISE_CHAT" }],
  ] as const)("changes nothing by itself: %s", (kind, target, config) => expect(readChannel(kind, whereOf({ kind, target }))).toEqual(config));

  it("wants a URL anew whose path is a secret", () => expect(whereOf({ kind: "webhook", target: "https://hooks.example.com/…" })).toBe(""));
});

describe("a pace in words", () => {
  const rule = { digest: "immediate" as const, daily_at: "08:00", quiet_from: null, quiet_until: null, timezone: "Europe/Berlin", throttle_s: 0 };
  it.each([
    [{}, "at once"],
    [{ throttle_s: 600 }, "at once, at most every 10 minutes"],
    [{ digest: "hourly" as const, throttle_s: 7200 }, "gathered each hour, at most every 2 hours"],
    [{ digest: "daily" as const }, "gathered daily at 08:00 (Europe/Berlin)"],
    [{ quiet_from: "22:00", quiet_until: "07:00", throttle_s: 90 }, "at once, at most every 90 seconds, never from 22:00 to 07:00 (Europe/Berlin)"],
  ])("%j: %s", (change, words) => expect(pace({ ...rule, ...change })).toBe(words));
});
