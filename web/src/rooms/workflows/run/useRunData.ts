/** Everything the run page stands on: run, turns, calls, plan, texts in the making, and the trace made of them. */
"use client";

import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";

import { useLive, useStreams } from "@/kit/live/live";

import { FINAL, useCalls, useRun, useTurns, useWorkflows } from "../queries";
import { planOf } from "./plan";
import { buildTrace } from "./trace";

const NOW_MS = 250;

/** The time, four times a second while `on`; else null. */
export function useNow(on: boolean): number | null {
  const [now, setNow] = useState<number | null>(null);
  useEffect(() => {
    if (!on) return;
    const timer = setInterval(() => setNow(Date.now()), NOW_MS);
    return () => { clearInterval(timer); setNow(null); };
  }, [on]);
  return now;
}

const GATHER_MS = 300;

/** Read a run's new turns as they are committed, at most three times a second. */
function useNewTurns(id: string | null) {
  const client = useQueryClient();
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  useLive(id ? [`workflows.turn:${id}`] : [], () => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      void client.invalidateQueries({ queryKey: ["runs", id] });
    }, GATHER_MS);
  });
}

/** The step key of a stream `RUN/STEP/KEY/INTERACTION`. */
function keyOf(stream: string): string {
  return stream.split("/").slice(1, -1).join("/");
}

export function useRunData(id: string | null) {
  const run = useRun(id);
  const turns = useTurns(id);
  const runIds = useMemo(() => [...new Set([id, ...(turns.data ?? []).map((turn) => turn.run_id)])].filter((each) => each !== null), [id, turns.data]);
  const calls = useCalls(turns.data ? runIds : []);
  const definition = useWorkflows().data?.find((each) => each.version_id === run.data?.workflow_version_id);
  const plan = useMemo(() => planOf(definition?.content), [definition]);
  useNewTurns(id);
  const going = run.data !== undefined && !FINAL.has(run.data.state);
  const texts = useStreams(id && going ? `serving.text:${id}` : null);
  const writing = useMemo(() => new Map([...texts].map(([stream, { text }]) => [keyOf(stream), text])), [texts]);
  const liveKeys = run.data?.state === "running" ? [...writing.keys()].join("\n") : "";
  const rows = useMemo(
    () => (run.data && turns.data ? buildTrace({ run: run.data, turns: turns.data, calls: calls.data ?? [], live: liveKeys.split("\n").filter(Boolean), plan }) : []),
    [run.data, turns.data, calls.data, liveKeys, plan]);
  const refetch = () => { void run.refetch(); void turns.refetch(); void calls.refetch(); };
  const error = [run, turns, calls].find((query) => query.error && query.data === undefined)?.error ?? null; // what is there stays, and the banner says that the line is cut
  return { run, rows, plan, definition, going, writing, refetch, error };
}
