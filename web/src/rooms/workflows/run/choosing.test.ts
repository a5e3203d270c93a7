import { describe, expect, it } from "vitest";

import type { RunShown, TurnShown } from "@/kit/api/schema";

import { beside, chosen, comparable, retryFrom } from "./choosing";
import { planOf } from "./plan";
import { buildTrace } from "./trace";

const RUN = { id: "r", state: "succeeded", turns: 5, finished_at: "x" } as RunShown;
const turn = (seq: number, step_key: string, name: string): TurnShown => ({
  run_id: "r", seq, step_key, kind: "model", name, interaction_id: `i${seq}`, input: null, output: null, total_ms: 5, created_at: "2026-11-25T14:32:00Z" });
const rows = buildTrace({ run: RUN, calls: [], turns: [
  turn(1, "rounds[0]/plan/call[0]", "planner"), turn(2, "rounds[0]/do/call[0]", "worker"),
  turn(3, "rounds[1]/plan/call[0]", "planner"), turn(4, "rounds[1]/do/call[0]", "worker"), turn(5, "last/call[0]", "writer")] });
const at = (key: string) => rows.find((row) => row.key === key)!;

describe("walking through the turns", () => {
  it("steps over rounds, and from a round to its own turns", () => {
    expect(beside(rows, at("rounds[0]/do/call[0]"), 1)?.seq).toBe(3);
    expect(beside(rows, at("rounds[1]/plan/call[0]"), -1)?.seq).toBe(2);
    expect(beside(rows, at("rounds[1]"), 1)?.seq).toBe(3);
    expect(beside(rows, at("rounds[1]"), -1)?.seq).toBe(2);
  });
  it("ends at the ends", () => {
    expect([beside(rows, at("last/call[0]"), 1), beside(rows, at("rounds[0]/plan/call[0]"), -1)]).toEqual([null, null]);
  });
});

describe("what stands open", () => {
  const plan = planOf({ steps: [{ name: "ring", tool: "ring" }, { name: "tell", agent: "teller" }] });
  const asks = { ...RUN, state: "waiting", waiting_for: "person", finished_at: null } as RunShown;
  it("is what waits, before there is any answer", () => {
    const row = chosen(buildTrace({ run: asks, calls: [], turns: [], plan }), null);
    expect([row?.name, row?.state, row?.reason]).toEqual(["ring", "waiting", "waits for you"]);
  });
  it("is the last answer, once there is one", () => expect(chosen(rows, null)?.seq).toBe(5));
});

describe("what a turn is compared with", () => {
  it("is the same agent's turn before, else the answer before, else another", () => {
    expect([4, 5, 1].map((seq) => comparable(rows, chosen(rows, String(seq)))?.seq)).toEqual([2, 4, 2]);
  });
  it("is nothing for a round", () => expect(comparable(rows, at("rounds[0]"))).toBeNull());
});

describe("where a retry begins", () => {
  it("is the turn or the round that was chosen", () => {
    expect(retryFrom(RUN, at("rounds[1]/do/call[0]"), "4")).toEqual({ key: "rounds[1]/do/call[0]", name: "turn 4" });
    expect(retryFrom(RUN, at("rounds[1]"), "rounds[1]")).toEqual({ key: "rounds[1]", name: "round 2" });
  });
  it("is after all that was done, where a run ended early and nobody chose", () => {
    const failed = { ...RUN, state: "failed" } as RunShown;
    expect(retryFrom(failed, chosen(rows, null), null)).toEqual({ key: null, name: "turn 6" });
    expect(retryFrom(failed, at("rounds[1]/do/call[0]"), "4").key).toBe("rounds[1]/do/call[0]");
  });
  it("is the turn on show, where the run succeeded", () => expect(retryFrom(RUN, chosen(rows, null), null).name).toBe("turn 5"));
});
