/** The page itself when somebody is signed in; the question for a key when nobody is, or over the page when the key was refused. */
"use client";

import { useQueryClient } from "@tanstack/react-query";
import { KeyRound } from "lucide-react";
import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { createPortal } from "react-dom";

import { useKey } from "../api/key";
import { signInByCode, signInByKey, takeCode } from "../api/signIn";
import { Button } from "../ui/Button";
import { TextField } from "../ui/Field";
import { Mark } from "./Mark";

const nothing = () => () => undefined;

export function SignedIn({ children }: { children: React.ReactNode }) {
  const { key, refused } = useKey();
  const inBrowser = useSyncExternalStore(nothing, () => true, () => false); // the export is made without a key
  const { busy, wrong } = useLink(inBrowser);
  if (!inBrowser) return null;
  if (busy) return <main className="flex min-h-dvh items-center justify-center gap-3"><Mark /> <p role="status">Signing in</p></main>;
  if (key) return <>{children}{refused && <Over />}</>;
  return (
    <main className="flex min-h-dvh items-center justify-center p-4">
      <div className="w-full max-w-sm rounded-sheet border border-border bg-surface p-6"><Ask title="Open with a key" wrong={wrong} /></div>
    </main>
  );
}

/** Redeem a link of `camel-ext open`, once. */
function useLink(inBrowser: boolean): { busy: boolean; wrong: string | null } {
  const [code] = useState(() => (typeof location === "undefined" ? null : takeCode()));
  const [busy, setBusy] = useState(code !== null);
  const [wrong, setWrong] = useState<string | null>(null);
  const begun = useRef(false);
  useEffect(() => {
    if (!inBrowser || code === null || begun.current) return;
    begun.current = true; // a code works once: also where React runs effects twice
    signInByCode(code).catch((error: Error) => setWrong(error.message)).finally(() => setBusy(false));
  }, [inBrowser, code]);
  return { busy, wrong };
}

/** Over the page and over a dialog of it that is open: neither hears of what happens here, so nothing typed is lost. */
function Over() {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const shown = dialog.current!;
    const stop = (event: Event) => event.stopPropagation();
    const escape = (event: KeyboardEvent) => { if (event.key === "Escape") { event.preventDefault(); event.stopImmediatePropagation(); } };
    for (const name of ["pointerdown", "focusin"]) shown.addEventListener(name, stop);
    window.addEventListener("keydown", escape, true);
    shown.showModal();
    return () => window.removeEventListener("keydown", escape, true);
  }, []);
  return createPortal(
    <dialog ref={dialog} aria-label="Sign in again" onCancel={(event) => event.preventDefault()} className="pointer-events-auto m-auto w-[calc(100vw-24px)] max-w-sm rounded-sheet border border-border bg-surface p-6 text-text-2 shadow-pop backdrop:bg-black/40">
      <Ask title="Sign in again" wrong="The server no longer takes this browser's key. What is on the page stays as it is." />
    </dialog>, document.body,
  );
}

function Ask({ title, wrong }: { title: string; wrong: string | null }) {
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const client = useQueryClient();
  const open = async () => {
    setBusy(true);
    setError(null);
    try {
      await signInByKey(typed.trim());
      await client.invalidateQueries();
    } catch (problem) {
      setError(problem instanceof Error ? problem.message : String(problem));
      setBusy(false);
    }
  };
  return (
    <form className="space-y-4" onSubmit={(event) => { event.preventDefault(); if (typed.trim()) void open(); }}>
      <div className="flex items-center gap-3"><Mark /><h1>{title}</h1></div>
      {wrong && <p role="alert" className="rounded-control bg-attention-soft px-3 py-2 text-text">{wrong}</p>}
      <p>On the machine of the server, <code className="font-mono text-text">camel-ext open</code> opens this page with a key of its own.</p>
      <TextField label="Key" type="password" mono autoFocus autoComplete="off" placeholder="cx_…" value={typed} error={error} onChange={(event) => { setTyped(event.target.value); setError(null); }} />
      <Button kind="ink" icon={KeyRound} type="submit" busy={busy} className="w-full">{busy ? "Checking" : "Open"}</Button>
    </form>
  );
}
