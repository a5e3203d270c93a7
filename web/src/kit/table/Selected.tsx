/** What stands over a table while rows are selected: how many, what can be done with them, and the way out. */
"use client";

import { X } from "lucide-react";

import { digits } from "../format/format";
import { IconButton } from "../ui/Button";

export function Selected({ label, count, onClear, children }: { label: string; count: number; onClear: () => void; children: React.ReactNode }) {
  return (
    <div role="toolbar" aria-label={label} data-keys="live" className="absolute bottom-4 left-1/2 z-20 flex w-max max-w-[calc(100%-16px)] -translate-x-1/2 items-center gap-2 rounded-sheet border border-border bg-surface p-2 pl-4 shadow-pop max-md:inset-x-2 max-md:bottom-2 max-md:w-auto max-md:translate-x-0 max-md:flex-wrap">
      <span className="nums mr-1 font-[550] whitespace-nowrap text-text">{digits(count)} selected</span>
      {children}
      <IconButton icon={X} label="Clear the selection" onClick={onClear} />
    </div>
  );
}
