/** Bind keys while a component is mounted. */
"use client";

import { useEffect, useLayoutEffect, useRef } from "react";

import { watchFocus } from "./guards";
import { type Key, table } from "./registry";

/** `scope` is the heading in the sheet of keys: the page's name, or EVERYWHERE. */
export function useKeys(scope: string, keys: Key[]): void {
  const latest = useRef(keys);
  useLayoutEffect(() => { latest.current = keys; });
  useEffect(() => table.bind(scope, () => latest.current), [scope]);
}

/** Listen for the whole page; the shell does this once. */
export function useKeyboard(single: boolean, remapped: Readonly<Record<string, string>>): void {
  useEffect(() => table.prefer(single, remapped), [single, remapped]);
  useEffect(() => {
    const press = (event: KeyboardEvent) => table.press(event);
    const stop = watchFocus();
    window.addEventListener("keydown", press);
    return () => { stop(); window.removeEventListener("keydown", press); };
  }, []);
}
