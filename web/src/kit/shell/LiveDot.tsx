/** Whether the page is level with the server: a dot and a word in the top bar, a line under it when the line is cut. */
"use client";

import clsx from "clsx";
import { type LucideIcon, RotateCcw, Sparkles, WifiOff } from "lucide-react";
import { useEffect, useState } from "react";

import { useSeen } from "../api/seen";
import { clockTime, count, duration } from "../format/format";
import type { LiveState } from "../live/feed";
import { reconnect, useLiveState } from "../live/live";
import { Button } from "../ui/Button";
import { useUpdate } from "./worker";

const PATIENCE_S = 1; // a restart is often over before anyone would read the line

/** Seconds since then, told anew each second. */
function useSince(ms: number | null): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (ms === null) return;
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [ms]);
  return ms === null ? 0 : Math.max(0, Math.round((now - ms) / 1000));
}

const WORDS: Record<LiveState["name"], string> = {
  off: "", connecting: "Connecting", live: "Live", "catching up": "Catching up", lost: "Connection lost", back: "Back", refused: "Not live",
};

export function LiveDot() {
  const state = useLiveState();
  if (state.name === "off") return null;
  const bad = state.name === "lost" || state.name === "refused";
  const words = state.name === "catching up" ? `${WORDS[state.name]}, ${count(state.events)} events`
    : state.name === "back" ? (state.anew ? "Back, read anew" : "Back, nothing missed") : WORDS[state.name];
  return (
    <span role="status" className={clsx("nums flex items-center gap-1.5 whitespace-nowrap max-md:text-xs", bad && "text-attention")}>
      <span aria-hidden className={clsx("size-2 rounded-full", bad ? "bg-attention" : state.name === "connecting" || state.name === "catching up" ? "bg-running" : "bg-succeeded")} />
      {words}
    </span>
  );
}

export function LiveBanner() {
  const state = useLiveState();
  const update = useUpdate();
  const seenAt = useSeen((seen) => seen.at);
  const since = state.name === "lost" ? state.sinceMs : null;
  const lost_s = useSince(since);
  if (state.name === "refused") return <Line>The live feed refused this page. {state.detail}</Line>;
  if (since === null && update) return <Line icon={Sparkles} action={<Button onClick={update}>Reload</Button>}>A new version is ready.</Line>;
  if (since === null || lost_s < PATIENCE_S) return null;
  return (
    <Line action={<Button icon={RotateCcw} onClick={reconnect}>Try now</Button>}>
      <strong className="text-attention">Connection lost, <span className="nums">{lost_s < 60 ? `${lost_s} s` : duration(lost_s)}</span>.</strong> What you see is from {clockTime(seenAt ?? new Date(since).toISOString())}; nothing is missed when it is back.
    </Line>
  );
}

function Line({ children, action, icon: Icon = WifiOff }: { children: React.ReactNode; action?: React.ReactNode; icon?: LucideIcon }) {
  return (
    <div className="flex min-h-10 shrink-0 flex-wrap items-center gap-x-3 gap-y-1 border-b border-border bg-attention-soft px-6 py-1 text-text max-md:px-3">
      <Icon aria-hidden size={16} className="shrink-0 text-attention" /> <p className="min-w-0 flex-1">{children}</p> {action}
    </div>
  );
}
