/** Two answers to one prompt, asked at once: their state, stopping them, judging between them. */
"use client";

import { useCallback, useEffect, useRef, useState } from "react";

import { api, unwrap } from "@/kit/api/client";
import { randomId } from "@/kit/ids";
import { say } from "@/kit/ui/Toast";

import { type Answer, ask, type Ask, BEGUN } from "./chat";

export type Side = "a" | "b";
export type Choice = "first" | "second" | "tie" | "both_bad";
const PAINT_MS = 50;

export function useDuel() {
  const [answers, setAnswers] = useState<Partial<Record<Side, Answer>>>({});
  const [judged, setJudged] = useState<{ choice: Choice; id: string } | null>(null);
  const [error, setError] = useState<unknown>(null);
  const stopper = useRef<AbortController | null>(null);
  const stop = useCallback(() => stopper.current?.abort(), []);
  useEffect(() => stop, [stop]);

  const run = useCallback((asked: Omit<Ask, "alias" | "session">, aliases: Record<Side, string>) => {
    stopper.current?.abort();
    const control = stopper.current = new AbortController();
    const session = `playground:${randomId()}`;
    setAnswers({ a: BEGUN, b: BEGUN });
    setJudged(null);
    setError(null);
    for (const side of ["a", "b"] as const) {
      let last = 0;
      void ask({ ...asked, alias: aliases[side], session }, control.signal, (answer) => {
        if (stopper.current !== control || (answer.state === "running" && performance.now() - last < PAINT_MS)) return;
        last = performance.now();
        setAnswers((now) => ({ ...now, [side]: answer }));
      });
    }
  }, []);

  const ids = [answers.a?.interactionId, answers.b?.interactionId];
  const busy = answers.a?.state === "running" || answers.b?.state === "running";
  const ready = !busy && answers.a?.state === "succeeded" && answers.b?.state === "succeeded" && ids.every(Boolean);
  const judge = async (choice: Choice) => {
    if (!ready) return;
    try {
      const { id } = await unwrap(api.POST("/api/v1/annotations", { body: { kind: "choice", interaction_ids: ids as string[], choice } as never }));
      setJudged({ choice, id });
      setError(null);
      say("Your judgement is kept: a pair to learn from", () => void unwrap(api.POST("/api/v1/annotations/{annotation_id}/withdraw", { params: { path: { annotation_id: id } } })).then(() => setJudged(null), setError));
    } catch (caught) { setError(caught); }
  };
  return { answers, busy, ready, judged, error, run, stop, judge };
}
