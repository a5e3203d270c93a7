import { expect, it } from "vitest";

import type { VerifierShown } from "@/kit/api/schema";

import { beginOf, parsed, promptOf, takesOf } from "./verifiers";

const relevance = {
  name: "relevance", description: "", slow: false,
  parameters: { properties: { to: { description: "What was asked.", "x-per-subject": "prompt" }, min_words: { description: "Fewer are no answer." } }, required: ["to"], examples: [{ to: "Why?", min_words: 4 }] },
} as VerifierShown;

it("begins with the server's example, but for what each answer fills itself", () => {
  expect(promptOf(relevance)).toBe("to");
  expect(beginOf(relevance)).toBe('{"min_words":4}');
  expect(beginOf({ ...relevance, parameters: {} })).toBe("{}");
});

it("says what it takes", () => {
  expect(takesOf(relevance)).toEqual([{ name: "to", needed: true, about: "What was asked." }, { name: "min_words", needed: false, about: "Fewer are no answer." }]);
});

it("reads objects only", () => {
  expect(parsed('{"max": 3}')).toEqual({ max: 3 });
  for (const wrong of ["", "[1]", "3", "null", "{"]) expect(parsed(wrong)).toBeNull();
});
