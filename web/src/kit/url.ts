/** Addresses and the URL as state. Ids travel in the query: a static export has no segments made at run time. */
"use client";

import { usePathname, useRouter, useSearchParams } from "next/navigation";
import { useCallback } from "react";

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

/**
 * Read and write the page's query. `set` merges; a null takes a name out.
 * `push` makes a step for the back button: use it for what a user would call "going somewhere".
 */
export function useUrl() {
  const router = useRouter();
  const path = usePathname();
  const query = useSearchParams();
  const set = useCallback(
    (changes: Params, how: "replace" | "push" = "replace") => {
      const now = Object.fromEntries(new URLSearchParams(window.location.search));
      router[how](href(path, { ...now, ...changes }), { scroll: false });
    },
    [router, path],
  );
  return { get: (name: string) => query.get(name), set, path };
}
