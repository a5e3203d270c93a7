import { act, renderHook } from "@testing-library/react";
import { beforeEach, expect, it } from "vitest";

import { seen, useFolds } from "./folds";
import type { TraceRow } from "./trace";

const row = (key: string, depth: number, parent: string | null, more: Partial<TraceRow> = {}) => ({ key, depth, parent, state: "succeeded", kind: "model", ...more }) as TraceRow;
const ROWS = [row("a[0]", 0, null), row("a[0]/x", 1, "a[0]"), row("a[0]/x/t", 2, "a[0]/x"), row("a[1]", 0, null), row("a[1]/x", 1, "a[1]")];

beforeEach(() => localStorage.clear());

it("hides what lies below a folded row, and nothing else", () => {
  expect(seen(ROWS, new Set(["a[0]"])).map((each) => each.key)).toEqual(["a[0]", "a[1]", "a[1]/x"]);
});

it("remembers the folds of a run", () => {
  const first = renderHook(() => useFolds("r", ROWS));
  act(() => first.result.current.fold("a[0]", true));
  expect([...renderHook(() => useFolds("r", ROWS)).result.current.folded]).toEqual(["a[0]"]);
  expect([...renderHook(() => useFolds("other", ROWS)).result.current.folded]).toEqual([]);
});

it("unfolds an error that comes, once; a check that did not pass is none", () => {
  const { result, rerender } = renderHook(({ rows }) => useFolds("r", rows), { initialProps: { rows: ROWS } });
  act(() => { result.current.fold("a[0]", true); result.current.fold("a[1]", true); });
  rerender({ rows: [...ROWS, row("a[0]/t", 1, "a[0]", { state: "failed", kind: "tool" }), row("a[1]/c", 1, "a[1]", { state: "failed", kind: "verify" })] });
  expect([...result.current.folded]).toEqual(["a[1]"]);
  act(() => result.current.fold("a[0]", true));
  expect([...result.current.folded]).toEqual(["a[1]", "a[0]"]);
});
