import { renderHook } from "@testing-library/react";
import { describe, expect, it } from "vitest";

import { moved } from "./columns";
import { heldCount, useHeld } from "./held";
import { allTouched, NONE, touched } from "./selection";

const ORDER = ["a", "b", "c", "d", "e"];
const list = (ids: ReadonlySet<string>) => [...ids].sort().join("");

describe("selection", () => {
  it("takes a range from the row touched last, in both directions", () => {
    const one = touched(NONE, "d", false, ORDER);
    expect(list(touched(one, "b", true, ORDER).ids)).toBe("bcd");
    expect(list(touched(one, "e", true, ORDER).ids)).toBe("de");
  });
  it("clears a range by touching a selected row", () => {
    const three = touched(touched(NONE, "b", false, ORDER), "d", true, ORDER);
    expect(list(touched(three, "b", true, ORDER).ids)).toBe("");
  });
  it("takes one row where its anchor is not loaded any more", () => {
    expect(list(touched({ ids: new Set(["z"]), anchor: "z" }, "b", true, ORDER).ids)).toBe("bz");
  });
  it("takes all, and none when all are taken", () => {
    const all = allTouched(NONE, ORDER);
    expect(list(all.ids)).toBe("abcde");
    expect(allTouched(all, ORDER)).toEqual(NONE);
  });
});

describe("held rows", () => {
  const id = (row: string) => row;
  it("counts what came above the first shown", () => {
    expect([heldCount(["x", "y", "a"], "a"), heldCount(["a"], "a"), heldCount(["n"], "a"), heldCount(["n"], null)]).toEqual([2, 0, 0, 0]);
  });
  it("waits while somebody reads, and lets all in when nobody does", () => {
    const view = renderHook(({ rows, busy }) => useHeld(rows, id, busy), { initialProps: { rows: ["a", "b"], busy: true } });
    view.rerender({ rows: ["y", "x", "a", "b"], busy: true });
    expect(view.result.current).toMatchObject({ shown: ["a", "b"], waiting: 2 });
    view.rerender({ rows: ["z", "y", "x", "a", "b"], busy: true });
    expect(view.result.current.waiting).toBe(3);
    view.rerender({ rows: ["z", "y", "x", "a", "b"], busy: false });
    expect(view.result.current).toMatchObject({ shown: ["z", "y", "x", "a", "b"], waiting: 0 });
  });
  it("shows another list from its beginning", () => {
    const view = renderHook(({ rows }) => useHeld(rows, id, true), { initialProps: { rows: ["a", "b"] } });
    view.rerender({ rows: ["n", "m"] });
    expect(view.result.current).toMatchObject({ shown: ["n", "m"], waiting: 0 });
  });
});

it("moves a column by one place and stops at the ends", () => {
  expect([moved(ORDER, "b", 1), moved(ORDER, "a", -1)]).toEqual([["a", "c", "b", "d", "e"], ORDER]);
});
