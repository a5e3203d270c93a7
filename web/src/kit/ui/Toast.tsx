/** One toast at a time, bottom left: what happened, and the way back. Errors never stand here. */
"use client";

import { Check, Undo2 } from "lucide-react";
import { useEffect, useState } from "react";
import { create } from "zustand";

import { Button } from "./Button";

const SHOWN_MS = 8000;

interface Said { text: string; undo?: (() => void) | undefined; at: number }

const useToast = create<{ said: Said | null }>(() => ({ said: null }));

/** Say what happened; with `undo`, offer the way back (also the key `z`). */
export function say(text: string, undo?: () => void): void {
  useToast.setState({ said: { text, undo, at: Date.now() } });
}

/** Take back what the toast on show offers to; tell whether there was something. */
export function undoLast(): boolean {
  const { said } = useToast.getState();
  if (!said?.undo) return false;
  said.undo();
  useToast.setState({ said: null });
  return true;
}

export function Toaster() {
  const said = useToast((state) => state.said);
  const [held, setHeld] = useState(false);
  useEffect(() => {
    if (!said || held) return;
    const timer = setTimeout(() => useToast.setState({ said: null }), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [said, held]);
  return (
    <div aria-live="polite" className="fixed bottom-4 left-4 z-50 max-md:bottom-20">
      {said && (
        <div key={said.at} onPointerEnter={() => setHeld(true)} onPointerLeave={() => setHeld(false)} onFocus={() => setHeld(true)} onBlur={() => setHeld(false)}
          className="flex items-center gap-3 rounded-sheet border border-border bg-surface py-2 pr-2 pl-4 text-text shadow-pop">
          <Check aria-hidden size={16} /> <span>{said.text}</span>
          {said.undo ? <Button icon={Undo2} keyCap="Z" onClick={undoLast}>Undo</Button> : <Button kind="quiet" onClick={() => useToast.setState({ said: null })}>Close</Button>}
        </div>
      )}
    </div>
  );
}
