import { describe, expect, it } from "vitest";

import { offers, placeAt, type Schema } from "./completion";
import { readWorkflows, spotAt } from "./steps";

const FILE = `workflows:
  solve:
    inputs:
      goal: {type: string}
    steps:
      - name: rounds
        loop:
          max_rounds: 3
        steps:
          - name: propose
            agent: proposer
          - name: check
            verify: length
`;
const SCHEMA: Schema = {
  properties: { workflows: { additionalProperties: { $ref: "#/$defs/Workflow" } } },
  $defs: {
    Workflow: { properties: { steps: { items: { anyOf: [{ $ref: "#/$defs/Agent" }, { $ref: "#/$defs/Loop" }] } }, budgets: { description: "Limits." } } },
    Agent: { properties: { name: {}, agent: { description: "Who." }, memory: { enum: ["step", "run"] } } },
    Loop: { properties: { name: {}, loop: { properties: { max_rounds: {}, until: {} } }, steps: { items: { anyOf: [{ $ref: "#/$defs/Agent" }, { $ref: "#/$defs/Loop" }] } } } },
  },
};
const at = (text: string) => placeAt(text, text.length);

describe("the place in a file", () => {
  it.each([
    ["workflows:\n  solve:\n    ", ["workflows", "solve"], null],
    [`${FILE.split("\n").slice(0, 7).join("\n")}\n          `, ["workflows", "solve", "steps", "-", "loop"], null],
    [`${FILE}            te`, ["workflows", "solve", "steps", "-", "steps", "-"], null],
    [`${FILE}          - `, ["workflows", "solve", "steps", "-", "steps", "-"], null],
    [`${FILE}            memory: `, ["workflows", "solve", "steps", "-", "steps", "-"], "memory"],
    [`${FILE}    bud`, ["workflows", "solve"], null],
    ["agents:\n  a:\n    tools:\n      - ", ["agents", "a", "tools", "-"], null],
  ])("is read from the lines above: %j", (text, path, key) => expect(at(text)).toMatchObject({ path, key }));
});

describe("completion", () => {
  const labels = (text: string) => offers(SCHEMA, at(text), { agent: ["proposer"], tools: ["python"] }).map((each) => each.label);
  it("offers the fields of a step that it has not yet, of every kind", () => expect(labels(`${FILE}            `)).toEqual(["agent", "memory", "loop", "steps"]));
  it("offers values: of the schema, and names that exist", () => {
    expect(labels(`${FILE}            memory: `)).toEqual(["step", "run"]);
    expect(labels(`${FILE}            agent: `)).toEqual(["proposer"]);
    expect(labels("agents:\n  a:\n    tools:\n      - ")).toEqual(["python"]);
  });
  it("offers the fields of a workflow again after its steps", () => expect(labels(`${FILE}    `)).toContain("budgets"));
});

describe("steps in a file", () => {
  const { spots, names, content } = readWorkflows(FILE);
  it("are found where they stand", () => {
    expect(names).toEqual(["solve"]);
    expect(spotAt(spots, FILE.indexOf("agent: proposer"))).toMatchObject({ workflow: "solve", place: "rounds/propose" });
    expect(spotAt(spots, FILE.indexOf("max_rounds"))).toMatchObject({ place: "rounds" });
    expect(spotAt(spots, FILE.indexOf("goal"))).toMatchObject({ workflow: "solve", place: "" });
    expect(Object.keys(content.solve!)).toEqual(["inputs", "steps"]);
  });
  it.each(["", "workflows:", "workflows: [", "a: *b", "workflows:\n  x:\n    steps: 3\n", "\t"])("never fail on %j", (text) => expect(() => readWorkflows(text)).not.toThrow());
});
