import { QueryClient } from "@tanstack/react-query";
import { describe, expect, it, vi } from "vitest";

import { invalidator, makesOld, settle } from "./invalidate";
import { covers, fewest } from "./messages";

const ONE = "0190f3c2-0000-7000-8000-000000000001", TWO = "0190f3c2-0000-7000-8000-000000000002";

describe("what an event makes old", () => {
  it.each([
    ["workflows.run.finished", ONE, ["runs", "list", {}], true],
    ["workflows.run.finished", ONE, ["runs", ONE], true],
    ["workflows.run.finished", ONE, ["runs", TWO, "turns"], false],
    ["workflows.run.finished", ONE, ["trainings", "list"], false],
    ["scheduling.firing.ended", ONE, ["schedules", TWO, "firings"], true],
    ["scheduling.schedule.saved", ONE, ["schedules", TWO, "next"], false],
    ["scheduling.schedule.deleted", ONE, ["schedules", "list"], true],
    ["scheduling.schedule.deleted", ONE, ["schedules", ONE, "next"], false],
    ["notifications.notice.added", ONE, ["inbox", "unread"], true],
    ["workflows.turn.committed", ONE, ["runs", ONE], false], // a run's page adds its turns itself
    ["annotations.annotation.added", ONE, ["annotation-queues", TWO], true],
    ["registry.alias.moved", ONE, ["aliases", "small"], true],
    ["experiments.decision.made", ONE, ["overview"], true],
  ])("%s %s %j: %s", (event, subject, key, old) => expect(makesOld({ event, subject }, key as unknown[])).toBe(old));

  it("acts at once, then gathers", () => {
    vi.useFakeTimers();
    const client = new QueryClient();
    const marked = vi.spyOn(client, "invalidateQueries");
    const old = invalidator(client);
    const event = { event: "workflows.run.started", subject: ONE, payload: {}, trace_id: null, at: "" };
    for (let at = 0; at < 1000; at += 1) old(event);
    expect(marked).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(500);
    expect(marked).toHaveBeenCalledTimes(2);
    vi.advanceTimersByTime(5000);
    old(event);
    expect(marked).toHaveBeenCalledTimes(3);
    vi.useRealTimers();
  });
});

describe("when the feed begins", () => {
  it("reads once more what was read before, and nothing that was answered since", async () => {
    vi.useFakeTimers();
    const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
    const marked = vi.spyOn(client, "invalidateQueries");
    const refuse = () => Promise.reject(new Error("422"));
    client.setQueryData(["runs"], []);
    await client.prefetchQuery({ queryKey: ["trainings"], queryFn: refuse });
    vi.advanceTimersByTime(10);
    settle(client);
    vi.advanceTimersByTime(10);
    client.setQueryData(["datasets"], []);
    await client.prefetchQuery({ queryKey: ["evaluation-plan"], queryFn: refuse }); // a refusal is an answer
    vi.advanceTimersByTime(1000);
    const old = client.getQueryCache().findAll(marked.mock.calls[0]![0]).map((query) => query.queryKey[0]);
    expect(old.sort()).toEqual(["runs", "trainings"]);
    vi.useRealTimers();
  });
});

describe("topics", () => {
  it("cover whole segments, and subjects", () => {
    expect(covers(["workflows"], "workflows.run.started", "x")).toBe(true);
    expect(covers(["work"], "workflows.run", "x")).toBe(false);
    expect(covers(["workflows.run:x"], "workflows.run.started", "y")).toBe(false);
    expect(covers(["*"], "anything")).toBe(true);
  });

  it("are as few as say the same", () => {
    expect(fewest(["b.c", "b", "a:1", "a:2", "a:1", "b:7", "c.d:1", "c:1"])).toEqual(["a:1", "a:2", "b", "c:1"]);
    expect(fewest(["*", "a"])).toEqual(["*"]);
  });
});
