/** What stands where data is not: empty, loading, wrong. */
"use client";

import { type LucideIcon, OctagonX, RotateCcw } from "lucide-react";
import { useEffect, useState } from "react";

import { ApiError } from "../api/client";
import { Button } from "./Button";
import { Copy } from "./Copy";

/** An empty place teaches: one sentence, one button, one command. */
export function EmptyState({ icon: Icon, title, children, action, command }: {
  icon: LucideIcon; title: string; children?: React.ReactNode; action?: React.ReactNode; command?: string;
}) {
  return (
    <div className="mx-auto flex max-w-[26rem] flex-col items-center gap-2 px-4 py-12 text-center">
      <span className="mb-1 flex size-10 items-center justify-center rounded-card bg-accent-soft text-accent"><Icon aria-hidden size={20} strokeWidth={1.75} /></span>
      <p className="text-md font-semibold text-text">{title}</p>
      {children && <p>{children}</p>}
      {action && <div className="mt-2 flex gap-2">{action}</div>}
      {command && <Copy text={command} className="mt-2 font-mono text-xs text-text-3">{command}</Copy>}
    </div>
  );
}

/** The shape of what comes, shown after 150 ms, so that quick answers do not flicker. */
export function Skeleton({ rows = 5, label = "Loading" }: { rows?: number; label?: string }) {
  const [shown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), 150);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div role="status" aria-label={label} className={shown ? "space-y-3 p-4" : "space-y-3 p-4 opacity-0"}>
      {Array.from({ length: rows }, (_, row) => (
        <div key={row} className="flex items-center gap-3">
          <span className="size-4 rounded-full bg-sunken" />
          <span className="h-3 rounded-key bg-sunken" style={{ width: `${[62, 48, 70, 55, 40][row % 5]}%` }} />
          <span className="ml-auto h-3 w-14 rounded-key bg-sunken" />
        </div>
      ))}
    </div>
  );
}

/** An error where the thing would have been: what happened, what to do, code and trace id to copy. */
export function ErrorBox({ error, title, retry }: { error: unknown; title?: string; retry?: (() => void) | undefined }) {
  const known = error instanceof ApiError ? error : null;
  const trace = known?.problem.trace_id;
  const hidden = known?.status === 403 || known?.status === 404;
  return (
    <div role="alert" className="rounded-card border border-failed bg-surface p-4">
      <p className="flex items-center gap-2 text-md font-semibold text-text">
        <OctagonX aria-hidden size={16} className="shrink-0 text-failed" /> {title ?? (hidden ? "Not here, or not yours" : known?.problem.title ?? "Something went wrong")}
      </p>
      <p className="mt-2 max-w-[72ch] [overflow-wrap:anywhere]">{known ? known.problem.detail : error instanceof Error ? error.message : String(error)}</p>
      {known && (known.problem.errors ?? []).length > 0 && (
        <ul className="mt-2 list-disc pl-5">{(known.problem.errors ?? []).slice(0, 8).map((each, at) => <li key={at}>{mistake(each)}</li>)}</ul>
      )}
      <div className="mt-3 flex flex-wrap items-center gap-3">
        {known?.retryAfter_s ? <Wait error={known} seconds={known.retryAfter_s} retry={retry} /> : retry && <Button icon={RotateCcw} onClick={retry}>Try again</Button>}
        {known && <Copy text={`${known.code} ${trace ?? ""}`.trim()} className="font-mono text-xs text-text-3">{known.code}{trace ? ` trace ${trace.slice(0, 4)}…${trace.slice(-4)}` : ""}</Copy>}
      </div>
    </div>
  );
}

/** The server said when: the seconds until then, and the way back. */
function Wait({ error, seconds, retry }: { error: ApiError; seconds: number; retry?: (() => void) | undefined }) {
  const [left, setLeft] = useState(seconds);
  useEffect(() => {
    const until = Date.now() + 1000 * seconds;
    const timer = setInterval(() => setLeft(Math.max(0, Math.ceil((until - Date.now()) / 1000))), 250);
    return () => clearInterval(timer);
  }, [error, seconds]);
  if (!retry) return <span role="timer" className="nums">{left > 0 ? `Wait ${left} s, then send it again.` : "Send it again now."}</span>;
  return <Button icon={RotateCcw} disabled={left > 0} onClick={retry} className="nums">{left > 0 ? `Try again in ${left} s` : "Try again"}</Button>;
}

/** One mistake of several: where, and what; of another kind than a field's, all that is known. */
function mistake(each: Record<string, unknown>): string {
  const told = "wrong" in each ? [each.field, each.wrong] : Object.values(each);
  return told.map(String).filter(Boolean).join(": ");
}
