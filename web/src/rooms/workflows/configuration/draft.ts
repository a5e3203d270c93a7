/** What is typed and not applied yet: kept in this browser, so that a reload loses nothing. */
"use client";

import { useCallback, useState } from "react";

import type { Files } from "./queries";

const PREFIX = "camel-ext.configuration.";

interface Draft { revision: number | null; files: Files }

function read(name: string): Draft | null {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + name) ?? "null") as Draft | null;
  } catch {
    return null;
  }
}

/** The draft of a configuration, made from one of its revisions; null: nothing is typed. */
export function useDraft(name: string) {
  const [draft, setDraft] = useState<Draft | null>(() => read(name));
  const keep = useCallback((next: Draft | null) => {
    setDraft(next);
    if (next) localStorage.setItem(PREFIX + name, JSON.stringify(next));
    else localStorage.removeItem(PREFIX + name);
  }, [name]);
  return { draft, keep };
}
