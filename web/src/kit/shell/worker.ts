/** The service worker: the shell offline with what was last seen, and a word when a new version is ready. */
"use client";

import { useEffect, useRef, useState } from "react";

import { useKey } from "../api/key";
import { useLiveState } from "../live/live";

const TAKE_OVER = "take over";
const BACK = "camel-ext:back";

/** Register it; return what takes the new version over, where one came while this page was open. */
export function useUpdate(): (() => void) | null {
  const [waiting, setWaiting] = useState<ServiceWorker | null>(null);
  const taking = useRef(false);
  const key = useKey((state) => state.key);
  useEffect(() => {
    if (process.env.NODE_ENV !== "production" || !("serviceWorker" in navigator)) return;
    const changed = () => { if (taking.current) location.reload(); };
    navigator.serviceWorker.addEventListener("controllerchange", changed);
    const stop = new AbortController();
    void navigator.serviceWorker.register("/sw.js").then((found) => {
      found.waiting?.postMessage(TAKE_OVER); // this page is of the new version already
      found.addEventListener("updatefound", () => {
        const coming = found.installing;
        coming?.addEventListener("statechange", () => { if (coming.state === "installed" && navigator.serviceWorker.controller) setWaiting(coming); });
      }, { signal: stop.signal });
      const look = () => { if (!document.hidden) void found.update().catch(() => undefined); };
      document.addEventListener("visibilitychange", look, { signal: stop.signal });
      window.addEventListener(BACK, look, { signal: stop.signal });
    }, () => undefined); // a private window may refuse: the app works without
    return () => { stop.abort(); navigator.serviceWorker.removeEventListener("controllerchange", changed); };
  }, []);
  const state = useLiveState().name;
  useEffect(() => { if (state === "back") window.dispatchEvent(new Event(BACK)); }, [state]); // a restart may have brought it
  useEffect(() => { if (!key) void forgetSeen(); }, [key]);
  return waiting && (() => { taking.current = true; waiting.postMessage(TAKE_OVER); });
}

/** Forget what was seen with this key. */
export async function forgetSeen(): Promise<void> {
  if (typeof caches === "undefined") return;
  for (const name of await caches.keys()) if (name.startsWith("seen-")) await caches.delete(name);
}
