/** Schedules, their times to come and what they fired; pausing, resuming and firing them. */
"use client";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { api, cameSecond, idempotencyKey, unwrap } from "@/kit/api/client";
import type { FiringShown, PageScheduleShown, ScheduleShown } from "@/kit/api/schema";

import type { Body, When } from "./wanted";

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
export function usePreview(wanted: When | null) {
  return useQuery({
    queryKey: ["schedules", "preview", wanted], enabled: wanted !== null, retry: false,
    queryFn: () => unwrap(api.POST("/api/v1/schedules/preview", { body: { ...wanted!, count: 5 } })),
  });
}

/** Make a schedule, or put another body into the one that is given. */
export function useSave(schedule: ScheduleShown | undefined) {
  const client = useQueryClient();
  const read = () => client.invalidateQueries({ queryKey: ["schedules"] });
  return useMutation({
    mutationFn: ({ name, body, key }: { name: string; body: Body; key: string }) => schedule
      ? unwrap(api.PUT("/api/v1/schedules/{schedule_id}", { params: { path: { schedule_id: schedule.id }, header: { "if-match": `"${schedule.revision}"` } }, body }))
      : unwrap(api.POST("/api/v1/schedules", { body: { name, ...body }, headers: { "Idempotency-Key": key } })),
    onSuccess: read,
    onError: (error) => cameSecond(error) ? read() : undefined,
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
