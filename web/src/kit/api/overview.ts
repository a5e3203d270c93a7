/** The whole at a glance, in one query that the shell and Home share; events of the feed make it old. */
"use client";

import { useQuery } from "@tanstack/react-query";

import { api, unwrap } from "./client";
import type { OverviewShown } from "./schema";

const STALE_MS = 5_000;

export type Overview = OverviewShown;

function fetchOverview(): Promise<Overview> {
  const call = api.GET("/api/v1/overview", { params: { query: { utc_offset_min: -new Date().getTimezoneOffset() } } });
  return unwrap(call) as Promise<Overview>; // openapi-fetch forgets that an interval has two ends
}

export function useOverview() {
  return useQuery({
    queryKey: ["overview"],
    queryFn: fetchOverview,
    staleTime: STALE_MS,
  });
}

/** Things to judge, over all queues. */
export function toJudge({ waiting }: Overview): number {
  return waiting.queues.reduce((sum, queue) => sum + queue.items_open, 0);
}
