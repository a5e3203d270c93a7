import { describe, expect, it } from "vitest";

import { type FilterField, filterValues, parseFilter, withFilter, withValue, writeFilter, writeToken } from "./parse";
import { suggest, take } from "./suggest";

const FIELDS: FilterField[] = [
  { name: "agent", about: "The agent", kind: "word", signs: { ":": "agent_id" } },
  { name: "failed", about: "Whether it failed", kind: "flag" },
  { name: "since", about: "From this time", kind: "time" },
  { name: "latency_ms", about: "How long it took", kind: "number", signs: { ">": "min_total_ms", "<": "max_total_ms" } },
  { name: "purpose", about: "Why it was asked", kind: "word", values: ["run", "eval"] },
  { name: "engine", about: "Which engine", kind: "word", signs: { ":": "engine_id" }, many: true },
  { name: "tag", about: "A tag", kind: "word", many: true },
];
const NOW = Date.parse("2026-11-25T12:00:00Z");
const parse = (text: string) => parseFilter(text, FIELDS, "text", NOW);

describe("writing", () => {
  it("gives a text that reads as the same parameters", () => {
    const params = { agent_id: "the executor", failed: false, since: "2026-11-25T10:00:00.000Z", min_total_ms: 800, text: "blue sky" };
    const written = writeFilter({ ...params, until: "2026-11-25T11:00:00.000Z", purpose: null }, FIELDS, "text");
    expect(written).toBe('agent:"the executor" failed:no since:2026-11-25T10:00:00.000Z latency_ms>800 "blue sky"');
    expect(parse(written)).toMatchObject({ error: null, params: { ...params, failed: "false", min_total_ms: "800" } });
    const lists = { one_of: ["engine_id:a", "engine_id:b c"], none_of: ["tag:x:y"] };
    expect(parse(writeFilter(lists, FIELDS, "text"))).toMatchObject({ error: null, params: {}, lists });
  });
});

describe("parsing", () => {
  it("maps names to parameters and words to the search", () => {
    expect(parse('agent:executor latency_ms>800 latency_ms<2s "blue sky" now failed:no since:2h')).toMatchObject({
      error: null,
      params: { agent_id: "executor", min_total_ms: "800", max_total_ms: "2000", text: "blue sky now", failed: "false", since: "2026-11-25T10:00:00.000Z" },
    });
  });
  it("takes the same name again as an alternative, and a minus as not", () => {
    expect(parse("engine:a engine:b -tag:x tag:y")).toMatchObject({ error: null, params: { tag: "y" }, lists: { one_of: ["engine_id:a", "engine_id:b"], none_of: ["tag:x"] } });
    expect(parse("engine:a engine:b engine:c").lists.one_of).toEqual(["engine_id:a", "engine_id:b", "engine_id:c"]);
    expect(parse("engine:a").params).toEqual({ engine_id: "a" });
    expect(parse("-blue").params).toEqual({ text: "-blue" });
  });
  it.each([
    ["agent:executor latency_ms>2x", 26, "Character 27: “2x” is no number"],
    ["colour:blue", 0, "Character 1: there is no filter “colour”"],
    ["latency_ms:8", 10, "Character 11: “latency_ms” is written with > or <"],
    ["agent:", 6, "Character 7: “agent” needs a value"],
    ["agent:a agent:b", 8, "Character 9: “agent” is there twice"],
    ["-agent:a", 0, "Character 1: “agent” cannot be turned round"],
    ["-tag:", 5, "Character 6: “tag” needs a value"],
    ["purpose:fun", 8, "Character 9: “fun” is none of run, eval"],
    ['x "open', 2, "Character 3: the quote does not end"],
    ["since:soon", 6, "Character 7: “soon” is no time"],
    ["failed:maybe", 7, "Character 8: “maybe” is neither"],
  ])("points at the mistake in %s", (text, start, said) => {
    const { error } = parse(text);
    expect(error?.start).toBe(start);
    expect(error?.text).toContain(said);
  });
  it("never fails on any text", () => {
    for (const text of ['"', '""', "a:\"b", ":", "::", "\\", "a\"b\"c", "<>", "agent:\"a \\\" b\"", "\u202e:x"]) expect(() => parse(text)).not.toThrow();
    expect(parse('agent:"a \\" b"').params.agent_id).toBe('a " b');
  });
});

describe("editing", () => {
  it("puts a filter in the place of its old one, and takes it out", () => {
    expect(withFilter("agent:a blue failed:yes", "agent", "b c")).toBe('agent:"b c" blue failed:yes');
    expect(withFilter("agent:a blue", "agent", null)).toBe("blue");
    expect(withFilter("latency_ms>1 latency_ms<9", "latency_ms", "5", "<")).toBe("latency_ms>1 latency_ms<5");
    expect(withFilter("tag:a -tag:b blue tag:c", "tag", "d")).toBe("tag:d blue");
  });
  it("wants, refuses and forgets one value of several", () => {
    expect(withValue("tag:a blue", "tag", "b", "is")).toBe("tag:a blue tag:b");
    expect(withValue("tag:a tag:b blue", "tag", "a", "not")).toBe("-tag:a tag:b blue");
    expect(withValue("-tag:a tag:b", "tag", "a", null)).toBe("tag:b");
    expect(filterValues('tag:a -tag:"b c" tag:d', "tag")).toEqual({ is: ["a", "d"], not: ["b c"] });
  });
  it.each(["plain", "two words", 'quo"te', "back\\slash", "agent:x", ""])("reads back what it writes: %s", (value) => {
    expect(parse(writeToken("agent", value || "-")).params.agent_id).toBe(value || "-");
    if (value) expect(parse(writeToken(null, value)).params.text).toBe(value);
  });
});

describe("suggestions", () => {
  it("offers names, then values with counts, and takes one", () => {
    const names = suggest("ag", 2, FIELDS, {});
    expect(names.list.map((each) => each.insert)).toEqual(["agent:"]);
    expect(take("ag", names, names.list[0]!)).toEqual({ text: "agent:", caret: 6 });
    const values = suggest("agent:ex blue", 8, FIELDS, { agent: [{ value: "executor", count: 412 }, { value: "reviewer" }] });
    expect(values.list).toMatchObject([{ insert: "agent:executor", count: 412, whole: true }]);
    expect(take("agent:ex blue", values, values.list[0]!)).toEqual({ text: "agent:executor blue", caret: 14 });
  });
  it("leaves out what is there already, and everything inside quotes", () => {
    expect(suggest("agent:a ", 8, FIELDS, {}).list.map((each) => each.insert)).not.toContain("agent:");
    expect(suggest("tag:a ta", 8, FIELDS, {}).list.map((each) => each.insert)).toEqual(["tag:"]); // it takes many
    expect(suggest("-", 1, FIELDS, {}).list.map((each) => each.insert)).toEqual(["-engine:", "-tag:"]);
    expect(suggest('"ag', 3, FIELDS, {}).list).toEqual([]);
  });
});
