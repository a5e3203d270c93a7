/** The page itself when somebody is signed in; the question for a key when nobody is. */
"use client";

import { KeyRound } from "lucide-react";
import { useState, useSyncExternalStore } from "react";

import { useKey } from "../api/key";
import { Button } from "../ui/Button";
import { TextField } from "../ui/Field";
import { Mark } from "./Mark";

const nothing = () => () => undefined;

export function SignedIn({ children }: { children: React.ReactNode }) {
  const { key, keep } = useKey();
  const [typed, setTyped] = useState("");
  const inBrowser = useSyncExternalStore(nothing, () => true, () => false); // the export is made without a key
  if (!inBrowser) return null;
  if (key) return children;
  return (
    <main className="flex min-h-dvh items-center justify-center p-4">
      <form className="w-full max-w-sm space-y-4 rounded-sheet border border-border bg-surface p-6"
        onSubmit={(event) => { event.preventDefault(); if (typed.trim()) keep(typed.trim()); }}>
        <div className="flex items-center gap-3"><Mark /><h1>Open with a key</h1></div>
        <p>On the machine of the server, <code className="font-mono text-text">camel-ext open</code> opens this page with a key of its own.</p>
        <TextField label="Key" type="password" mono autoComplete="off" placeholder="cx_…" value={typed} onChange={(event) => setTyped(event.target.value)} />
        <Button kind="ink" icon={KeyRound} type="submit" className="w-full">Open</Button>
      </form>
    </main>
  );
}
