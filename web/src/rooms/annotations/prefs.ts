/** How somebody likes to judge, kept in this browser. */
"use client";

import { create } from "zustand";

const NAME = "camel-ext.annotate.fast";

const useFast = create<{ fast: boolean }>(() => ({ fast: typeof localStorage !== "undefined" && localStorage.getItem(NAME) === "1" }));

/** Fast lane: a choice saves at once, `u` takes it back. */
export function useFastLane(): [boolean, (fast: boolean) => void] {
  const fast = useFast((state) => state.fast);
  return [fast, (next) => {
    localStorage.setItem(NAME, next ? "1" : "0");
    useFast.setState({ fast: next });
  }];
}
