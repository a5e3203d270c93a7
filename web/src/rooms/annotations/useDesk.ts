/** A desk for a queue, its state for a component, and how fast the next item came on the screen. */
"use client";

import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useLayoutEffect, useState, useSyncExternalStore } from "react";

import type { QueueShown } from "@/kit/api/schema";

import { prune } from "./autosave";
import { type Desk, DeskKeeper } from "./desk";
import { prefetchOrigin, server } from "./queries";

const PRESSED = "annotate:saved", SHOWN = "annotate:next-shown";

export function useDesk(queue: QueueShown): { desk: DeskKeeper; state: Desk } {
  const [desk] = useState(() => new DeskKeeper(queue, server));
  const cache = useQueryClient();
  const state = useSyncExternalStore(desk.store.subscribe, desk.store.getState, desk.store.getInitialState);
  useEffect(() => {
    prune();
    void desk.start();
  }, [desk]);
  const coming = state.ahead[0] ?? null;
  useEffect(() => { if (coming) void prefetchOrigin(cache, coming); }, [cache, coming]);
  useEffect(() => { // what the server now knows, every list shall know
    if (state.savedAt !== null) void cache.invalidateQueries({ queryKey: ["annotation-queues"] });
  }, [cache, state.savedAt]);
  return { desk, state };
}

/** Say that a judgement was given: from here to the next item on the screen is measured. */
export function markSaved(): void {
  performance.mark(PRESSED);
}

/** Measure when the next item stands on the screen (`annotate:next-shown` in the browser's performance timeline). */
export function useShownMeasure(itemId: string | undefined): void {
  useLayoutEffect(() => {
    if (!itemId || performance.getEntriesByName(PRESSED).length === 0) return;
    const frame = requestAnimationFrame(() => setTimeout(() => { // after this frame was painted
      if (performance.getEntriesByName(PRESSED).length === 0) return;
      performance.measure(SHOWN, PRESSED);
      performance.clearMarks(PRESSED);
    }));
    return () => cancelAnimationFrame(frame);
  }, [itemId]);
}

/** The time, once a second. */
export function useNow(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
