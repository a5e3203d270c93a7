/** Lists of the room: queues made and closed, judgements, batches of verdicts. */
"use client";

import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { api, idempotencyKey, unwrap } from "@/kit/api/client";
import type { AnnotationKind, BatchStart, JudgeKind, QueueCreate } from "@/kit/api/schema";

import { server } from "./queries";

export function useMakeQueue() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (body: QueueCreate) => unwrap(api.POST("/api/v1/annotation-queues", { body, headers: { "Idempotency-Key": idempotencyKey() } })),
    onSuccess: () => cache.invalidateQueries({ queryKey: ["annotation-queues", "list"] }),
  });
}

export function useCloseQueue() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (queue_id: string) => unwrap(api.POST("/api/v1/annotation-queues/{queue_id}/close", { params: { path: { queue_id } } })),
    onSuccess: () => cache.invalidateQueries({ queryKey: ["annotation-queues"] }),
  });
}

export interface Wanted { kind?: AnnotationKind | undefined; judge_kind?: JudgeKind | undefined; judge?: string | undefined; current: boolean }

export function useJudgements(wanted: Wanted) {
  return useInfiniteQuery({
    queryKey: ["annotations", "list", wanted],
    queryFn: ({ pageParam }) => unwrap(api.GET("/api/v1/annotations", { params: { query: { ...wanted, limit: 100, ...(pageParam && { cursor: pageParam }) } } })),
    initialPageParam: "", getNextPageParam: (last) => last.next_cursor,
  });
}

export function useWithdraw() {
  const cache = useQueryClient();
  return useMutation({ mutationFn: server.withdraw, onSuccess: () => cache.invalidateQueries({ queryKey: ["annotations"] }) });
}

export function useBatches() {
  return useInfiniteQuery({
    queryKey: ["annotation-batches", "list"],
    queryFn: ({ pageParam }) => unwrap(api.GET("/api/v1/annotation-batches", { params: { query: { limit: 50, ...(pageParam && { cursor: pageParam }) } } })),
    initialPageParam: "", getNextPageParam: (last) => last.next_cursor,
    refetchInterval: ({ state }) => (state.data?.pages.some((page) => page.items.some((each) => ["queued", "running"].includes(each.state) || each.undoing)) ? 1000 : false),
  });
}

/** The verifiers there are, with the JSON Schema of what each takes. */
export function useVerifiers() {
  return useQuery({ queryKey: ["verifiers"], staleTime: Infinity, queryFn: () => unwrap(api.GET("/api/v1/verifiers")) });
}

export function useStartBatch() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (body: BatchStart) => unwrap(api.POST("/api/v1/annotation-batches", { body, headers: { "Idempotency-Key": idempotencyKey() } })),
    onSuccess: () => cache.invalidateQueries({ queryKey: ["annotation-batches", "list"] }),
  });
}

export function useChangeBatch(verb: "cancel" | "undo") {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (batch_id: string) => unwrap(api.POST(`/api/v1/annotation-batches/{batch_id}/${verb}`, { params: { path: { batch_id } } })),
    onSuccess: () => cache.invalidateQueries({ queryKey: ["annotation-batches"] }),
  });
}
