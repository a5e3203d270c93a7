/** Reading the log: pages both ways, counts, facets, a histogram, one turn. */
import { type InfiniteData, keepPreviousData, useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useRef } from "react";

import { api, unwrap } from "@/kit/api/client";
import type { InteractionListed, InteractionPage } from "@/kit/api/schema";
import { useLive } from "@/kit/live/live";

import type { Filter } from "./fields";

type Page = InteractionPage & { took_ms: number };

const PAGE_ROWS = 100;
const REST_MS = 1_000; // between two looks for newer rows, however many events come
const EMPTY_PAGES = 4; // a filter without an index looks at 5,000 rows a page: then ask before going on

async function readPage(filter: Filter, place: { cursor?: string; before?: string }, signal?: AbortSignal): Promise<Page> {
  const from = performance.now();
  const page = await unwrap(api.GET("/api/v1/interactions", { params: { query: { ...filter, ...place, limit: PAGE_ROWS } }, signal }));
  return { ...page, took_ms: performance.now() - from };
}

/** The rows by filter, newest first, older ones on demand, newer ones as they come. */
export function useTurns(filter: Filter) {
  const client = useQueryClient();
  const key = useMemo(() => ["log", "list", filter], [filter]);
  const query = useInfiniteQuery({
    queryKey: key, initialPageParam: undefined as string | undefined, staleTime: Infinity, refetchOnWindowFocus: false,
    queryFn: ({ pageParam, signal }) => readPage(filter, pageParam ? { cursor: pageParam } : {}, signal),
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });
  const pages = query.data?.pages;
  const newest = pages?.find((page) => page.previous_cursor)?.previous_cursor;
  const look = useRef<() => void>(() => undefined);
  useEffect(() => {
    if (pages === undefined) return;
    let resting = false, due = false;
    const read = async () => {
      if (resting) { due = true; return; }
      resting = true;
      const page = await readPage(filter, newest ? { before: newest } : {}).catch(() => null); // the next event tries again
      setTimeout(() => { resting = false; if (due) { due = false; void read(); } }, REST_MS);
      if (!page || page.items.length === 0) return;
      client.setQueryData<InfiniteData<Page, string | undefined>>(key, (old) => old && (newest
        ? { pages: [page, ...old.pages], pageParams: [undefined, ...old.pageParams] }
        : { pages: [page], pageParams: [undefined] }));
      void client.invalidateQueries({ queryKey: ["log", "about"] });
    };
    look.current = () => void read();
    return () => { look.current = () => undefined; };
  }, [client, key, filter, newest, pages]);
  useLive(["interactions.interaction"], () => look.current());
  const rows = useMemo<InteractionListed[]>(() => pages?.flatMap((page) => page.items) ?? [], [pages]);
  const tail = pages?.slice(-EMPTY_PAGES) ?? [];
  const tired = tail.length === EMPTY_PAGES && tail.every((page) => page.items.length === 0);
  return { ...query, rows, took_ms: pages?.at(0)?.took_ms ?? null, searchedUntil: pages?.at(-1)?.searched_until ?? null, tired };
}

// What is said about the rows waits for them (`enabled`): asked for together, the four share a core, and the rows come last.
export function useCount(filter: Filter, enabled: boolean) {
  return useQuery({ queryKey: ["log", "about", "count", filter], placeholderData: keepPreviousData, staleTime: 15_000, enabled,
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/interactions/count", { params: { query: filter }, signal })) });
}

export function useFacets(filter: Filter, enabled: boolean) {
  return useQuery({ queryKey: ["log", "about", "facets", filter], placeholderData: keepPreviousData, staleTime: 15_000, enabled,
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/interactions/facets", { params: { query: filter }, signal })) });
}

export function useHistogram(filter: Filter, buckets: number, enabled: boolean) {
  return useQuery({ queryKey: ["log", "about", "histogram", filter, buckets], placeholderData: keepPreviousData, staleTime: 15_000, enabled,
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/interactions/histogram", { params: { query: { ...filter, buckets } }, signal })) });
}

/** One turn with its whole prompt and answer; it never changes. */
export function useTurn(id: string) {
  return useQuery({ queryKey: ["interactions", id], queryFn: ({ signal }) => readTurn(id, signal), staleTime: Infinity });
}

export function readTurn(id: string, signal?: AbortSignal) {
  return unwrap(api.GET("/api/v1/interactions/{interaction_id}", { params: { path: { interaction_id: id } }, signal }));
}

/** What was said of one answer. */
export function useJudgements(id: string) {
  return useQuery({ queryKey: ["annotations", "of", id],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/annotations", { params: { query: { interaction_id: id, current: true, limit: 50 } }, signal })) });
}
