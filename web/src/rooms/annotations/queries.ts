/** What the room asks of the API, and how long an answer is good. */
"use client";

import { type QueryClient, useInfiniteQuery, useQuery } from "@tanstack/react-query";

import { api, unwrap } from "@/kit/api/client";
import type { ItemShown } from "@/kit/api/schema";

import type { Server } from "./desk";

/** The desk's way to the API. */
export const server: Server = {
  next: (queue_id, count) => unwrap(api.POST("/api/v1/annotation-queues/{queue_id}/next", { params: { path: { queue_id }, query: { count } } })),
  reserve: (item_id) => unwrap(api.POST("/api/v1/annotation-queue-items/{item_id}/reserve", { params: { path: { item_id } } })),
  skip: (item_id, reason) => unwrap(api.POST("/api/v1/annotation-queue-items/{item_id}/release", { params: { path: { item_id } }, body: { skip: true, reason } })),
  judge: (body, key) => unwrap(api.POST("/api/v1/annotations", { body: body as never, headers: { "Idempotency-Key": key } })),
  withdraw: (annotation_id) => unwrap(api.POST("/api/v1/annotations/{annotation_id}/withdraw", { params: { path: { annotation_id } } })),
};

export function useQueues() {
  return useInfiniteQuery({
    queryKey: ["annotation-queues", "list"],
    queryFn: ({ pageParam }) => unwrap(api.GET("/api/v1/annotation-queues", { params: { query: { limit: 50, ...(pageParam && { cursor: pageParam }) } } })),
    initialPageParam: "", getNextPageParam: (last) => last.next_cursor,
  });
}

export function useQueue(queue_id: string) {
  return useQuery({
    queryKey: ["annotation-queues", queue_id], enabled: queue_id !== "",
    queryFn: () => unwrap(api.GET("/api/v1/annotation-queues/{queue_id}", { params: { path: { queue_id } } })),
  });
}

/** Where an answer comes from; in the cache before its item is shown. */
function interactionQuery(interaction_id: string) {
  return {
    queryKey: ["interactions", interaction_id], staleTime: Infinity,
    queryFn: () => unwrap(api.GET("/api/v1/interactions/{interaction_id}", { params: { path: { interaction_id } } })),
  };
}

/** The run that an answer was a turn of, or, of a further answer, the run of the first one. */
export function useOrigin(item: ItemShown | null) {
  const id = item?.interaction_ids[0] ?? "";
  const answer = useQuery({ ...interactionQuery(id), enabled: id !== "" });
  const forked = answer.data && !answer.data.run_id ? (answer.data.forked_from_id ?? "") : "";
  const first = useQuery({ ...interactionQuery(forked), enabled: forked !== "" });
  const origin = forked ? first.data : answer.data;
  return { answer: answer.data, origin, samples: forked !== "", loading: answer.isLoading || first.isLoading, error: answer.error ?? first.error };
}

function runQuery(run_id: string) {
  return {
    queryKey: ["runs", run_id], staleTime: 60_000,
    queryFn: () => unwrap(api.GET("/api/v1/runs/{run_id}", { params: { path: { run_id } } })),
  };
}

export function useRun(run_id: string | null | undefined) {
  return useQuery({ ...runQuery(run_id ?? ""), enabled: Boolean(run_id) });
}

/** Have it all in the cache before the item is shown. */
export async function prefetchOrigin(cache: QueryClient, item: ItemShown): Promise<void> {
  const read = (id: string) => cache.fetchQuery(interactionQuery(id)).catch(() => null); // what is wrong is said where it is shown
  const answer = await read(item.interaction_ids[0]!);
  const origin = answer && !answer.run_id && answer.forked_from_id ? await read(answer.forked_from_id) : answer;
  if (origin?.run_id) await cache.prefetchQuery(runQuery(origin.run_id));
}

export function useTurns(run_id: string | null | undefined) {
  return useInfiniteQuery({
    queryKey: ["runs", run_id, "turns", "context"], enabled: Boolean(run_id), staleTime: 60_000,
    queryFn: ({ pageParam }) => unwrap(api.GET("/api/v1/runs/{run_id}/turns", { params: { path: { run_id: run_id! }, query: { after: pageParam, limit: 100 } } })),
    initialPageParam: 0, getNextPageParam: (last) => last.next_after ?? undefined,
  });
}
