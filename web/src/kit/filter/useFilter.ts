/** A filter in the URL (`?q=`): one text, its parameters for the API, and edits of single filters. */
"use client";

import { useCallback, useMemo } from "react";

import { useUrl } from "../url";
import { type FilterField, parseFilter, type Sign, withFilter } from "./parse";

export function useFilter(fields: readonly FilterField[], text = "text") {
  const { get, set } = useUrl();
  const source = get("q") ?? "";
  const parsed = useMemo(() => parseFilter(source, fields, text), [source, fields, text]);
  const write = useCallback((q: string) => set({ q }), [set]);
  const edit = useCallback((name: string, value: string | null, sign: Sign = ":") => write(withFilter(source, name, value, sign)), [write, source]);
  return { source, params: parsed.params, lists: parsed.lists, error: parsed.error, write, edit };
}
