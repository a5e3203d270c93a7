import { describe, expect, it } from "vitest";

import { fieldsOf, type InputField, valueOf } from "./inputs";

const field = (type: string, more: Partial<InputField> = {}): InputField => ({ name: "x", type, description: "", fallback: undefined, required: true, choices: null, ...more });

describe("inputs of a workflow", () => {
  it("are required where they have no default", () => {
    expect(fieldsOf({ inputs: { goal: { description: "What." }, words: { type: "integer", default: 25 } } }).map((each) => [each.name, each.type, each.required])).toEqual([["goal", "string", true], ["words", "integer", false]]);
  });
  it.each([
    [field("string"), "a", { value: "a" }], [field("string"), "", { error: "x is needed" }], [field("string", { required: false }), "", {}],
    [field("integer"), "7", { value: 7 }], [field("integer"), "7.5", { error: "x is a whole number" }], [field("number"), "7.5", { value: 7.5 }],
    [field("boolean"), undefined, { value: false }], [field("boolean"), "true", { value: true }],
    [field("array"), "[1]", { value: [1] }], [field("object"), "[1]", { error: 'x is a JSON object: {"a": 1}' }], [field("object"), "{", { error: "x is not JSON yet" }],
    [field("integer", { choices: [1, 2] }), "2", { value: 2 }],
  ])("become what is sent: %o %s", (given, typed, made) => expect(valueOf(given, typed)).toEqual(made));
});
