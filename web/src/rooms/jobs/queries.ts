/** Jobs, their queues and the workers. Jobs are no events of the feed: what is on screen is asked for again. */
"use client";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { api, unwrap } from "@/kit/api/client";
import type { DeadRefused, DeadRepeated } from "@/kit/api/schema";

const AGAIN_MS = 5_000;
const MOST = 50;
const LOT = 50; // queued again by one request

export type Look = "open" | "dead" | "all";

export function useQueues() {
  return useQuery({ queryKey: ["queues"], queryFn: () => unwrap(api.GET("/api/v1/queues")), refetchInterval: AGAIN_MS });
}

/** Jobs of a look; those that one worker holds, where it is named: they are running, all of them. */
export function useJobs(look: Look, worker: string | null) {
  const wanted = look === "open" && worker === null ? (["running", "queued", "waiting"] as const) : null;
  return useQuery({
    queryKey: ["jobs", look, worker],
    refetchInterval: AGAIN_MS,
    queryFn: async () => {
      const list = (query: object) => unwrap(api.GET("/api/v1/jobs", { params: { query: { limit: MOST, ...query } } }));
      if (!wanted) return (await list({ dead: look === "dead", worker: worker ?? undefined })).items;
      const pages = await Promise.all(wanted.map((state) => list({ state })));
      return pages.flatMap((page) => page.items).slice(0, MOST);
    },
  });
}

/** Who is not an owner of the organisation that runs the server is refused: then there is nothing to show. */
export function useWorkers() {
  return useQuery({ queryKey: ["workers"], queryFn: () => unwrap(api.GET("/api/v1/workers")), refetchInterval: AGAIN_MS, retry: false });
}

function useSteering<Asked, Told = unknown>(fn: (asked: Asked) => Promise<Told>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: fn,
    onSettled: () => client.invalidateQueries({ predicate: ({ queryKey }) => ["jobs", "queues", "workers", "limits"].includes(String(queryKey[0])) }),
  });
}

export function useQueueSteering(name: string) {
  const params = { path: { name } };
  return useSteering((pauses: boolean) => unwrap(pauses ? api.POST("/api/v1/queues/{name}/pause", { params }) : api.POST("/api/v1/queues/{name}/resume", { params })));
}

export function useLimits() {
  return useQuery({ queryKey: ["limits"], queryFn: () => unwrap(api.GET("/api/v1/limits")), refetchInterval: AGAIN_MS });
}

/** Set how many jobs at once may use a thing; null drops the limit. */
export function useLimiting() {
  return useSteering(({ name, at_once }: { name: string; at_once: number | null }) => {
    const params = { path: { name } };
    return unwrap<unknown>(at_once === null ? api.DELETE("/api/v1/limits/{name}", { params }) : api.PUT("/api/v1/limits/{name}", { params, body: { at_once } }));
  });
}

export type JobAct = "cancel" | "repeat";

export function useJobSteering(job_id: string) {
  const params = { path: { job_id } };
  return useSteering((act: JobAct) => unwrap(act === "cancel" ? api.POST("/api/v1/jobs/{job_id}/cancel", { params }) : api.POST("/api/v1/jobs/{job_id}/repeat", { params })));
}

export function useDeadLetters() {
  return useQuery({ queryKey: ["jobs", "dead-letters"], queryFn: () => unwrap(api.GET("/api/v1/dead-letters")), refetchInterval: AGAIN_MS });
}

/** Queue all dead letters again, a lot at a time; what was done before an error stays done. */
export function useRepeatAll() {
  return useSteering<void, { repeated: number; refused: DeadRefused[] }>(async () => {
    const all = { repeated: 0, refused: [] as DeadRefused[] };
    let cursor: string | null = null;
    do {
      const lot: DeadRepeated = await unwrap(api.POST("/api/v1/dead-letters/repeat", { body: { at_most: LOT, cursor } }));
      all.repeated += lot.repeated;
      all.refused.push(...lot.refused);
      cursor = lot.next_cursor;
    } while (cursor !== null);
    return all;
  });
}

export function useWorkerSteering(worker_id: string) {
  const params = { path: { worker_id } };
  return useSteering((drains: boolean) => unwrap(drains ? api.POST("/api/v1/workers/{worker_id}/drain", { params }) : api.POST("/api/v1/workers/{worker_id}/resume", { params })));
}
