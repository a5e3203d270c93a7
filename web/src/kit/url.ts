/** Addresses and the URL as state. Ids travel in the query: a static export has no segments made at run time. */
"use client";

import { usePathname, useRouter, useSearchParams } from "next/navigation";
import { useCallback, useEffect } from "react";

export type Params = Record<string, string | number | boolean | null | undefined>;

/** Return `path?a=1&b=2`; empty values are left out, so equal states give equal addresses. */
export function href(path: string, params: Params = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value !== null && value !== undefined && value !== "" && value !== false) query.set(name, String(value));
  }
  const slashed = path.endsWith("/") ? path : `${path}/`;
  return query.size > 0 ? `${slashed}?${query}` : slashed;
}

const COMMIT_MS = 1000;
let written: { path: string; over: string[]; query: string; at: number } | null = null;

function pending(path: string, search: string, now: number) {
  return written && written.path === path && written.over.includes(search) && now - written.at < COMMIT_MS ? written : null;
}

/** The query as it will be: the router shows a change some moments later, and a second one must not undo the first. */
export function queryNow(path: string, search: string, now = Date.now()): string {
  return pending(path, search, now)?.query ?? search;
}

/** Remember what was written over the query that the address still shows; of several the first ones may show before. */
export function rememberQuery(path: string, search: string, query: string, now = Date.now()): void {
  const before = pending(path, search, now);
  written = { path, over: before ? [...before.over, before.query] : [search], query, at: now };
}

/** Forget what was written once the address shows it: from then on the address is right, also after a step back. */
export function settleQuery(search: string): void {
  if (written?.query === search) written = null;
}

/**
 * Read and write the page's query. `set` merges; a null takes a name out.
 * `push` makes a step for the back button: use it for what a user would call "going somewhere".
 */
export function useUrl() {
  const router = useRouter();
  const path = usePathname();
  const query = useSearchParams();
  useEffect(() => settleQuery(window.location.search), [query]);
  const set = useCallback(
    (changes: Params, how: "replace" | "push" = "replace") => {
      const { search } = window.location;
      const next = href(path, { ...Object.fromEntries(new URLSearchParams(queryNow(path, search))), ...changes });
      rememberQuery(path, search, next.includes("?") ? next.slice(next.indexOf("?")) : "");
      router[how](next, { scroll: false });
    },
    [router, path],
  );
  return { get: (name: string) => query.get(name), set, path };
}
