import { describe, expect, it } from "vitest";

import type { RunShown, TurnShown } from "@/kit/api/schema";

import { aggregated, expanded, MAX_NODES } from "./graph";
import { place } from "./layout";
import { planOf } from "./plan";
import { buildTrace } from "./trace";

const BEGAN = Date.parse("2026-11-25T14:32:00Z");
const RUN = { id: "r", state: "running", started_at: "2026-11-25T14:32:00Z", finished_at: null, waiting_for: null } as RunShown;
const DONE = { ...RUN, state: "succeeded", finished_at: "x" } as RunShown;
const PLAN = planOf({ steps: [{ name: "rounds", loop: { max_rounds: 3, until: "steps.check.passed" }, steps: [
  { name: "propose", agent: "proposer" }, { name: "check", verify: "length" }, { name: "review", agent: "reviewer" }] }] });

function turn(seq: number, step_key: string, more: Partial<TurnShown> = {}): TurnShown {
  return { run_id: "r", seq, step_key, kind: "model", name: "proposer", interaction_id: null, input: null, output: null,
    total_ms: 500, created_at: new Date(BEGAN + seq * 1000).toISOString(), ...more };
}

const many = (turns: number) => Array.from({ length: turns }, (_, at) => turn(at + 1, `rounds[${Math.floor(at / 4)}]/${["propose", "execute", "look", "review"][at % 4]}/call[0]`));
const check = (seq: number, round: number, passed: boolean) => turn(seq, `rounds[${round}]/check`, { kind: "verify", name: "length", output: { passed } });

describe("the aggregated graph", () => {
  const rows = buildTrace({ run: RUN, calls: [], plan: PLAN, turns: [turn(1, "rounds[0]/propose/call[0]"), check(2, 0, false), turn(3, "rounds[0]/review/call[0]"), turn(4, "rounds[1]/propose/call[0]")] });
  const model = aggregated(RUN, rows, PLAN);
  it("has one node per step with its counter, and the loop below with its condition", () => {
    expect(model.nodes.map((node) => [node.label, node.count, node.state])).toEqual([
      ["Goal", 0, "succeeded"], ["proposer", 2, "succeeded"], ["length", 2, "running"], ["reviewer", 1, "succeeded"], ["Done", 0, "queued"]]);
    expect(model.edges.find((edge) => edge.kind === "loop")).toMatchObject({ from: "rounds/review", to: "rounds/propose", label: "until check.passed, round 2 of 3" });
  });
  it("lights the edge into what runs", () => {
    expect(model.edges.filter((edge) => edge.active).map((edge) => edge.id)).toEqual(["rounds/propose>rounds/check"]);
  });
  it("shows the worst state of what is over", () => {
    const over = buildTrace({ run: DONE, calls: [], turns: [check(1, 0, false), check(2, 1, true)] });
    expect(aggregated(DONE, over, PLAN).nodes.map((node) => node.state)).toEqual(["succeeded", "queued", "failed", "queued", "succeeded"]);
  });
});

describe("the expanded graph", () => {
  it("puts candidates beside each other, and all before what follows", () => {
    const rows = buildTrace({ run: DONE, calls: [], turns: [turn(1, "ask/call[0]"), turn(2, "tries{0}/say/call[0]"), turn(3, "tries{1}/say/call[0]"), turn(4, "end/call[0]")] });
    expect(expanded(DONE, rows).edges.map((edge) => edge.id)).toEqual([
      "goal>ask/call[0]", "ask/call[0]>tries{0}/say/call[0]", "ask/call[0]>tries{1}/say/call[0]",
      "tries{0}/say/call[0]>end/call[0]", "tries{1}/say/call[0]>end/call[0]", "end/call[0]>done"]);
  });
  it("puts a tool between the calls of its agent", () => {
    const rows = buildTrace({ run: DONE, calls: [], turns: [turn(1, "do/call[0]"), turn(2, "do/tool[0]", { kind: "tool", name: "python", output: { text: "4" } }), turn(3, "do/call[1]")] });
    expect(expanded(DONE, rows).edges.map((edge) => edge.id)).toEqual(["goal>do/call[0]", "do/call[0]>do/tool[0]", "do/tool[0]>do/call[1]", "do/call[1]>done"]);
  });
  it("groups rounds past 300 nodes, and hides no turn", () => {
    const { nodes, grouped } = expanded(DONE, buildTrace({ run: DONE, calls: [], turns: many(2000) }));
    expect([grouped, nodes.length <= MAX_NODES, nodes.reduce((sum, node) => sum + node.count, 0)]).toEqual([true, true, 2000]);
    expect(nodes[1]!.label).toBe("Rounds 1–5");
  });
  it.each([296, 2000])("draws a run of %s turns in at most 500 ms: trace, graph and layout", (turns) => {
    const given = { run: DONE, calls: [], turns: many(turns), plan: PLAN };
    const once = () => {
      const began = performance.now();
      const rows = buildTrace(given);
      const model = expanded(DONE, rows);
      aggregated(DONE, rows, PLAN);
      const built = performance.now();
      expect(place(model).size).toBe(model.nodes.length);
      return { built: built - began, all: performance.now() - began };
    };
    const best = [once(), once(), once()].toSorted((a, b) => a.all - b.all)[0]!; // the machine may be busy
    console.info(`${turns} turns: trace and graph ${best.built.toFixed(0)} ms, with layout ${best.all.toFixed(0)} ms`);
    expect(best.all).toBeLessThan(500);
  });
});

const wide = Array.from({ length: 24 }, (_, at) => turn(at + 1, `tries{${at % 8}}/${["say", "look", "end"][Math.floor(at / 8)]}/call[0]`));

it.each([["rounds", many(40)], ["candidates", wide]])("never lets nodes overlap: %s", (_, turns) => {
  const model = expanded(DONE, buildTrace({ run: DONE, calls: [], turns }));
  const boxes = [...place(model).values()];
  for (const [at, a] of boxes.entries()) for (const b of boxes.slice(at + 1)) {
    expect(a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y).toBe(true);
  }
});
