import { describe, expect, it } from "vitest";

import { partsOf } from "./importing";
import { textOf, yieldsOf } from "./pair";
import { FIRST, rulesOf } from "./rules";

describe("what rules yield", () => {
  it("goes from all preferences down to the pairs, in the order that the rules are applied", () => {
    const rows = yieldsOf({ dropped: { strategy: 88, min_margin: 141, near_duplicates: 4, min_chosen_score: 103 } }, 56);
    expect(rows.map((row) => [row.name, row.left])).toEqual([["all", 392], ["min_margin", 251], ["min_chosen_score", 148], ["strategy", 60], ["near_duplicates", 56]]);
  });
  it("shows a rule it has no words for, last", () => {
    expect(yieldsOf({ dropped: { new_rule: 2 } }, 1).at(-1)).toEqual({ name: "new_rule", word: "new rule", left: 1, dropped: 2 });
    expect(yieldsOf(undefined, 0)).toHaveLength(1);
  });
});

describe("parts of a file", () => {
  it("cuts at whole lines, counts pairs and lines apart, and drops what is empty", () => {
    const parts = [...partsOf("a\n\nb\r\nc\n\n\nd\n", 2)];
    expect(parts).toEqual([{ text: "a\n\nb\r", at: 0, firstLine: 1 }, { text: "c\n\n\nd", at: 2, firstLine: 4 }]);
    expect([...partsOf("\n \n")]).toEqual([]);
  });
});

it("shows one message bare, several with who says them, and calls of tools as text", () => {
  expect(textOf([{ role: "user", content: "Hi" }])).toBe("Hi");
  expect(textOf([{ role: "system", content: "Be kind." }, { role: "user", content: [{ type: "text", text: "Hi" }] }])).toBe("system: Be kind.\nuser: Hi");
  expect(textOf([{ role: "assistant", content: null, tool_calls: [{ id: "7" }] }])).toContain('"7"');
});

it("sends numbers as numbers, empty as none, and a default where there must be one", () => {
  expect(rulesOf({ ...FIRST, min_margin: "", min_chosen_score: "0.9", near_duplicates: "", judges: ["length ", ""], seed: "7" })).toMatchObject({ min_margin: 0.1, min_chosen_score: 0.9, near_duplicates: null, judges: ["length"], seed: 7 });
  expect(rulesOf({ ...FIRST, judges: [""] }).judges).toBeNull();
});
