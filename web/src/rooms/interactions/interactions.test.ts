import { describe, expect, it } from "vitest";

import { chosenBetween, filterTime, shareOf, windowOf } from "./brush";
import { csvCell, csvHead, csvLine } from "./export";
import { placeOf } from "./columns";
import { toQuery } from "./fields";

describe("a turn whose words left the log", () => {
  it("says where they are, or that they are gone", () => {
    expect(placeOf({ archive_id: null, erased_at: null })).toBeNull();
    expect(placeOf({ archive_id: "a", erased_at: null })?.word).toBe("archived");
    expect(placeOf({ archive_id: null, erased_at: "2026-01-01T00:00:00Z" })?.word).toBe("erased");
  });
});

describe("export as CSV", () => {
  it.each([["=1+1", "'=1+1"], ["@SUM(A1)", "'@SUM(A1)"], ["-2", "'-2"], ["+3", "'+3"], ["\tx", "'\tx"], ["\r=1", '"\'\r=1"'], [-2, "-2"], ["plain", "plain"], ['a "b", c', '"a ""b"", c"'], ["two\nlines", '"two\nlines"'], [null, ""]])(
    "writes %j as %j", (value, cell) => expect(csvCell(value)).toBe(cell));
  it("has as many cells as columns", () => {
    const line = csvLine({ id: "1", messages: [{ role: "user", content: "=cmd|' /C calc'!A0" }], answer: { role: "assistant", content: "ok" } });
    expect(line.split(",").length).toBe(csvHead().split(",").length);
    expect(line).toContain(",'=cmd|");
  });
});

describe("the time line", () => {
  const all = { since: 0, until: 1000 };
  it("shows everything, or the surroundings of a narrow selection", () => {
    expect(windowOf(all, { since: null, until: null })).toEqual(all);
    expect(windowOf(all, { since: 100, until: 500 })).toEqual(all);
    expect(windowOf(all, { since: 500, until: 510 })).toEqual({ since: 480, until: 530 });
    expect(windowOf(all, { since: 995, until: null })).toEqual({ since: 985, until: 1000 });
  });
  it("chooses whole parts, in either direction, and leaves the end open at now", () => {
    expect(chosenBetween(0.31, 0.12, 10, all, true)).toEqual({ since: 100, until: 400 });
    expect(chosenBetween(0.5, 0.5, 10, all, true)).toEqual({ since: 500, until: 600 });
    expect(chosenBetween(0.85, 1, 10, all, true)).toEqual({ since: 800, until: null });
    expect(chosenBetween(0.85, 1, 10, all, false)).toEqual({ since: 800, until: 1000 });
  });
  it("knows places and writes times", () => {
    expect([shareOf(250, all), shareOf(-5, all), shareOf(5, { since: 5, until: 5 })]).toEqual([0.25, 0, 0]);
    expect(filterTime(Date.parse("2026-11-25T09:30:05.123Z"))).toBe("2026-11-25T09:30:05Z");
  });
});

it("sends ids for names of versions, and leaves what is no name", () => {
  const idOf = (name: string) => (name === "smollm2/brief@1" ? "id-1" : null);
  expect(toQuery({ adapter_version_id: "smollm2/brief@1", model_version_id: "x", alias: "smollm2/brief@1" }, {}, idOf))
    .toEqual({ adapter_version_id: "id-1", model_version_id: "x", alias: "smollm2/brief@1" });
  expect(toQuery({}, { one_of: ["adapter_version_id:smollm2/brief@1", "adapter_version_id:y"], none_of: ["tag:topic:rivers"] }, idOf))
    .toEqual({ one_of: ["adapter_version_id:id-1", "adapter_version_id:y"], none_of: ["tag:topic:rivers"] });
});
