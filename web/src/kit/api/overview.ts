/** What is going on and what waits, in one query that every page shares; events of the feed make it old. */
"use client";

import { useQuery } from "@tanstack/react-query";

import { api, unwrap } from "./client";

const MANY = { limit: 100 };

async function fetchOverview() {
  const [running, waiting, queues, trainings, improvements] = await Promise.all([
    unwrap(api.GET("/api/v1/runs", { params: { query: { ...MANY, state: "running" } } })),
    unwrap(api.GET("/api/v1/runs", { params: { query: { ...MANY, state: "waiting" } } })),
    unwrap(api.GET("/api/v1/annotation-queues", { params: { query: MANY } })),
    unwrap(api.GET("/api/v1/trainings", { params: { query: { ...MANY, state: "running" } } })),
    unwrap(api.GET("/api/v1/improvements", { params: { query: { ...MANY, state: "waiting" } } })),
  ]);
  const open = queues.items.filter((queue) => !queue.closed_at && queue.items_done < queue.items_total);
  return {
    running: running.items,
    waiting: waiting.items,
    queues: open,
    toJudge: open.reduce((sum, queue) => sum + queue.items_total - queue.items_done, 0),
    trainings: trainings.items,
    improvements: improvements.items.filter((each) => each.waiting_for === "person"),
  };
}

export type Overview = Awaited<ReturnType<typeof fetchOverview>>;

export function useOverview() {
  return useQuery({ queryKey: ["overview", "now"], queryFn: fetchOverview });
}
