/** Detail beside a list: resizable at its left edge, Esc closes, over the content below 1280 px, a page on a phone. */
"use client";

import { X } from "lucide-react";
import { useEffect, useRef, useState } from "react";

import { useKeys } from "../keys/useKeys";
import { IconButton } from "./Button";

const LEAST_PX = 300, MOST_PX = 900, STEP_PX = 24;
const NAME = "camel-ext.panel";

function within(px: number): number {
  return Math.round(Math.min(MOST_PX, Math.max(LEAST_PX, Math.min(px, window.innerWidth - 120))));
}

export function SidePanel({ title, onClose, actions, children }: { title: React.ReactNode; onClose: () => void; actions?: React.ReactNode; children: React.ReactNode }) {
  const [width, setWidth] = useState(() => Number(localStorage.getItem(NAME)) || 432);
  const panel = useRef<HTMLElement>(null);
  const set = (px: number) => { const next = within(px); setWidth(next); localStorage.setItem(NAME, String(next)); };
  useKeys("Panel", [{ keys: "Escape", label: "Close the panel", run: onClose }]);
  useEffect(() => { // on a phone it is the page: the reader begins at its top
    if (window.matchMedia("(max-width: 767px)").matches) panel.current?.focus();
  }, []);
  return (
    <aside ref={panel} tabIndex={-1} aria-label="Detail" style={{ "--panel": `${width}px` } as React.CSSProperties}
      className="absolute inset-y-0 right-0 z-20 flex w-(--panel) max-w-full flex-col border-l border-border bg-surface outline-none max-xl:shadow-pop max-md:fixed max-md:inset-0 max-md:z-40 max-md:w-full max-md:border-0 xl:static xl:shrink-0">
      <div role="separator" aria-orientation="vertical" aria-label="Width of the panel" aria-valuemin={LEAST_PX} aria-valuemax={MOST_PX} aria-valuenow={width} tabIndex={0}
        onKeyDown={(event) => { if (event.key === "ArrowLeft") set(width + STEP_PX); else if (event.key === "ArrowRight") set(width - STEP_PX); else return; event.preventDefault(); }}
        onPointerDown={(event) => { event.preventDefault(); event.currentTarget.setPointerCapture(event.pointerId); }}
        onPointerMove={(event) => { if (event.currentTarget.hasPointerCapture(event.pointerId) && panel.current) set(panel.current.getBoundingClientRect().right - event.clientX); }}
        className="absolute inset-y-0 -left-1 z-10 w-2 cursor-col-resize touch-none hover:bg-accent-soft max-md:hidden" />
      <header className="flex h-11 shrink-0 items-center gap-1 border-b border-border pr-1.5 pl-4 max-md:h-14">
        <div className="min-w-0 flex-1 truncate">{title}</div>
        {actions}
        <IconButton icon={X} label="Close" onClick={onClose} />
      </header>
      <div className="min-h-0 flex-1 overflow-y-auto overscroll-contain">{children}</div>
    </aside>
  );
}
