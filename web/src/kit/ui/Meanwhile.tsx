/** A form about a thing that somebody else may change meanwhile: nothing is written over, nothing typed is lost. */
"use client";

import { TriangleAlert } from "lucide-react";
import { useState } from "react";

import { Button } from "./Button";

/** What the form began from. A thing that comes newer by the feed does not slip in under what is typed. */
export function useBegun<Thing extends { revision: number }>(latest: Thing | undefined) {
  const [begun, setBegun] = useState(latest);
  const newer = latest && begun && latest.revision !== begun.revision ? latest : null;
  return { begun, newer, goOnFrom: (thing: Thing) => setBegun(thing) };
}

/** Says so, and asks whose it shall be; `onMine` keeps what is typed, to be saved over theirs. */
export function Meanwhile({ name, onMine, onTheirs }: { name: string; onMine: () => void; onTheirs: () => void }) {
  return (
    <div role="alert" className="rounded-card border border-border-strong bg-surface p-4">
      <p className="flex items-center gap-2 text-md font-semibold text-text [overflow-wrap:anywhere]"><TriangleAlert aria-hidden size={16} className="shrink-0 text-attention" /> Somebody changed {name} meanwhile</p>
      <p className="mt-2 max-w-[72ch]">What you typed is still here. Keep it, and Save puts it over theirs; or begin again from theirs.</p>
      <div className="mt-3 flex flex-wrap gap-2"><Button onClick={onMine}>Keep mine</Button><Button onClick={onTheirs}>Take theirs</Button></div>
    </div>
  );
}
