/** Schedules, their times to come and what they fired; pausing, resuming and firing them. */
"use client";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { api, idempotencyKey, unwrap } from "@/kit/api/client";
import type { FiringShown, PageScheduleShown, ScheduleCreate, ScheduleShown } from "@/kit/api/schema";

const MOST = 200;
const FIRINGS = 20;

export function useSchedules() {
  return useQuery({ queryKey: ["schedules", "list"], queryFn: () => unwrap(api.GET("/api/v1/schedules", { params: { query: { limit: MOST } } })) });
}

export function useNext(schedule_id: string) {
  const params = { path: { schedule_id } };
  return useQuery({ queryKey: ["schedules", schedule_id, "next"], queryFn: () => unwrap(api.GET("/api/v1/schedules/{schedule_id}/next", { params })) });
}

export function useFirings(schedule_id: string) {
  const params = { path: { schedule_id }, query: { limit: FIRINGS } };
  return useQuery({ queryKey: ["schedules", schedule_id, "firings"], queryFn: () => unwrap(api.GET("/api/v1/schedules/{schedule_id}/firings", { params })) });
}

export function useTasks() {
  return useQuery({ queryKey: ["schedulable-tasks"], queryFn: () => unwrap(api.GET("/api/v1/schedulable-tasks")), staleTime: Infinity });
}

/** The next five times of what is wanted, without saving anything; null asks for none. */
export function usePreview(wanted: Pick<ScheduleCreate, "timing" | "jitter_s"> | null) {
  return useQuery({
    queryKey: ["schedules", "preview", wanted?.timing, wanted?.jitter_s], enabled: wanted !== null, retry: false,
    queryFn: () => unwrap(api.POST("/api/v1/schedules/preview", { body: { timing: wanted!.timing, jitter_s: wanted!.jitter_s, count: 5 } })),
  });
}

export function useCreate() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ body, key }: { body: ScheduleCreate; key: string }) => unwrap(api.POST("/api/v1/schedules", { body, headers: { "Idempotency-Key": key } })),
    onSuccess: () => client.invalidateQueries({ queryKey: ["schedules"] }),
  });
}

export type Act = "pause" | "resume" | "run";

export function useAct(schedule_id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (act: Act): Promise<ScheduleShown | FiringShown> => {
      const params = { path: { schedule_id } };
      if (act === "pause") return unwrap(api.POST("/api/v1/schedules/{schedule_id}/pause", { params, body: { reason: "" } }));
      if (act === "resume") return unwrap(api.POST("/api/v1/schedules/{schedule_id}/resume", { params }));
      return unwrap(api.POST("/api/v1/schedules/{schedule_id}/run", { params, headers: { "Idempotency-Key": idempotencyKey() } }));
    },
    onSuccess: () => client.invalidateQueries({ queryKey: ["schedules"] }),
  });
}

/** Delete it; it leaves the list before anything of it is asked for again. */
export function useDelete({ id, revision }: ScheduleShown, gone: () => void) {
  const client = useQueryClient(), list = ["schedules", "list"];
  return useMutation({
    mutationFn: () => unwrap(api.DELETE("/api/v1/schedules/{schedule_id}", { params: { path: { schedule_id: id }, header: { "if-match": `"${revision}"` } } })),
    onSuccess: () => {
      client.setQueryData<PageScheduleShown>(list, (old) => old && { ...old, items: old.items.filter((each) => each.id !== id) });
      gone();
      return client.invalidateQueries({ queryKey: list });
    },
  });
}
