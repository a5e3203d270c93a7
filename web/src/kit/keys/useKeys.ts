/** Bind keys while a component is mounted. */
"use client";

import { useEffect, useLayoutEffect, useRef } from "react";

import { type Key, table } from "./registry";

/** `scope` is the heading in the sheet of keys: the page's name, or EVERYWHERE. */
export function useKeys(scope: string, keys: Key[]): void {
  const latest = useRef(keys);
  useLayoutEffect(() => { latest.current = keys; });
  useEffect(() => table.bind(scope, () => latest.current), [scope]);
}

/** Listen for the whole page; the shell does this once. */
export function useKeyboard(single: boolean): void {
  useEffect(() => {
    table.single = single;
    const press = (event: KeyboardEvent) => table.press(event);
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, [single]);
}
