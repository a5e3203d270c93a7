/** The graph's place on the page: which of the two graphs, how high, and whether it follows what runs. */
"use client";

import clsx from "clsx";
import { Crosshair, Expand, Shrink } from "lucide-react";
import dynamic from "next/dynamic";
import { useMemo, useState } from "react";

import type { RunShown } from "@/kit/api/schema";
import { Button, IconButton } from "@/kit/ui/Button";

import { aggregated, expanded } from "./graph";
import type { PlanStep } from "./plan";
import type { TraceRow } from "./trace";

const Canvas = dynamic(() => import("./GraphCanvas"), { ssr: false, loading: () => null });

export type Mode = "aggregated" | "expanded";

interface Props {
  run: RunShown; rows: TraceRow[]; plan: PlanStep[]; colours: ReadonlyMap<string, number>; selected: string | null;
  mode: Mode; onMode: (mode: Mode) => void; following: boolean; onFollow: () => void; onTouch: () => void; onSelect: (rowKey: string) => void; going: boolean; className?: string;
}

export function RunGraph({ run, rows, plan, colours, selected, mode, onMode, following, onFollow, onTouch, onSelect, going, className }: Props) {
  const [large, setLarge] = useState(false);
  const model = useMemo(() => (mode === "expanded" ? expanded(run, rows) : aggregated(run, rows, plan)), [mode, run, rows, plan]);
  const opened = mode === "expanded" || selected === null ? selected : model.nodes.find((node) => node.id === rows.find((row) => row.key === selected)?.place)?.rowKey ?? null;
  return (
    <section aria-label="Graph of the run; the tree of turns says the same in words" className={clsx("relative shrink-0 border-t border-border bg-subtle", large ? "min-h-0 flex-1" : model.nodes.length <= 3 ? "h-32" : "h-[232px]", className)}>
      <div role="radiogroup" aria-label="Graph" data-keys="live" className="absolute top-2.5 left-3 z-10 flex rounded-control bg-sunken p-0.5">
        {(["aggregated", "expanded"] as const).map((each) => (
          <button key={each} type="button" role="radio" aria-checked={mode === each} onClick={() => onMode(each)}
            className={clsx("h-7 rounded-[6px] border px-2.5 capitalize max-md:h-10", mode === each ? "border-border bg-surface font-[550] text-text" : "border-transparent text-text-2")}>{each}</button>
        ))}
        {model.grouped && <span className="px-2 text-xs/7 text-text-3">one node stands for several turns</span>}
      </div>
      <div className="absolute top-2.5 right-3 z-10 flex gap-2">
        {going && !following && <Button icon={Crosshair} keyCap="W" onClick={onFollow}>Follow live</Button>}
        <IconButton icon={large ? Shrink : Expand} label={large ? "Smaller graph" : "Larger graph"} onClick={() => setLarge(!large)} className="border border-border bg-surface" />
      </div>
      <Canvas model={model} selected={opened} colours={colours} follow={following} onSelect={onSelect} onTouch={onTouch} />
    </section>
  );
}
