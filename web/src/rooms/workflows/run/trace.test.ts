import { describe, expect, it } from "vitest";

import type { InteractionListed, RunShown, TurnShown } from "@/kit/api/schema";

import { parseKey, type PlanStep, placeOf, planOf, upcoming } from "./plan";
import { buildTrace } from "./trace";

const BEGAN = Date.parse("2026-11-25T14:32:00Z");
const RUN = { id: "r", state: "running", started_at: "2026-11-25T14:32:00Z", finished_at: null, waiting_for: null } as RunShown;
const PLAN: PlanStep[] = planOf({ steps: [
  { name: "rounds", loop: { max_rounds: 3, until: "steps.check.passed" }, steps: [
    { name: "propose", agent: "proposer" }, { name: "execute", agent: "executor" }, { name: "check", verify: "length" }, { name: "review", agent: "reviewer" }] },
] });

function turn(seq: number, step_key: string, more: Partial<TurnShown> = {}): TurnShown {
  return { run_id: "r", seq, step_key, kind: "model", name: "executor", interaction_id: null, input: null, output: null,
    total_ms: 500, created_at: new Date(BEGAN + seq * 1000).toISOString(), ...more };
}

describe("step keys", () => {
  it("are read part by part", () => {
    expect(parseKey("tries{3}/rounds[2]/execute/call[0]")).toEqual([
      { name: "tries", kind: "candidate", index: 3 }, { name: "rounds", kind: "round", index: 2 },
      { name: "execute", kind: "step", index: 0 }, { name: "call", kind: "call", index: 0 }]);
    expect(placeOf("tries{3}/rounds[2]/execute/call[0]")).toBe("tries/rounds/execute");
  });
});

describe("what comes next", () => {
  it("is the whole first round before anything was done", () => {
    expect(upcoming(PLAN, null, null).map((each) => each.key)).toEqual(["rounds[0]/propose/call[0]", "rounds[0]/execute/call[0]", "rounds[0]/check", "rounds[0]/review/call[0]"]);
  });
  it("is the rest of the round, and nothing past its end, where the condition decides", () => {
    expect(upcoming(PLAN, "rounds[1]/execute/call[0]", null).map((each) => each.key)).toEqual(["rounds[1]/check", "rounds[1]/review/call[0]"]);
    expect(upcoming(PLAN, "rounds[1]/review/call[0]", null)).toEqual([]);
  });
  it("begins with the same agent while it uses tools", () => {
    expect(upcoming(PLAN, "rounds[0]/execute/call[0]", "tool")[0]!.key).toBe("rounds[0]/execute/tool[0]");
    expect(upcoming(PLAN, "rounds[0]/execute/tool[0]", "call")[0]).toEqual({ key: "rounds[0]/execute/call[1]", kind: "model", name: "executor" });
  });
});

describe("the trace", () => {
  it("puts turns under rounds, tools under the call that asked, and what comes behind them", () => {
    const rows = buildTrace({ run: RUN, calls: [], plan: PLAN, turns: [
      turn(1, "rounds[0]/propose/call[0]"), turn(2, "rounds[0]/execute/call[0]"),
      turn(3, "rounds[0]/execute/tool[0]", { kind: "tool", name: "python", output: { text: "Error: no" } })] });
    expect(rows.map((row) => `${"  ".repeat(row.depth)}${row.name} ${row.state}`)).toEqual([
      "Round 1 running", "  executor succeeded", "  executor succeeded", "    python failed", "  executor running", "  length queued", "  reviewer queued"]);
    expect(rows[0]).toMatchObject({ startAt: BEGAN + 500, endAt: null });
  });
  it("shows a failed attempt beside the turn that followed it, with its code", () => {
    const failed = { id: "x", step_key: "answer/call[0]", agent_id: "executor", error_code: "serving.timeout", created_at: new Date(BEGAN).toISOString(), total_ms: 100, cost_usd_micros: 0 } as InteractionListed;
    const rows = buildTrace({ run: { ...RUN, state: "succeeded", finished_at: "x" }, calls: [failed], turns: [turn(1, "answer/call[0]")] });
    expect(rows.filter((row) => row.kind === "attempt").map((row) => [row.state, row.reason])).toEqual([["failed", "serving.timeout"]]);
  });
  it("says why a check was not passed, on the check and on its round", () => {
    const rows = buildTrace({ run: { ...RUN, finished_at: "x" }, calls: [], turns: [
      turn(1, "rounds[0]/check", { kind: "verify", name: "length", output: { passed: false, reason: "27 words,\nat most 15" } })] });
    expect(rows.map((row) => [row.state, row.reason])).toEqual([["succeeded", "27 words, at most 15"], ["failed", "27 words, at most 15"]]);
  });
  it("shows a turn that is being written as running, and names its agent by the plan", () => {
    const rows = buildTrace({ run: RUN, turns: [], calls: [], plan: PLAN, live: ["rounds[0]/propose/call[0]"] });
    expect(rows[1]).toMatchObject({ name: "proposer", state: "running", reason: "writing" });
  });
});
