/** Bars over bins or names; values may be negative. Choosing one (click, Enter) or a range (drag, Shift+arrow) is the caller's. */
"use client";

import clsx from "clsx";
import { useState } from "react";

import { niceTicks, short } from "./scale";

interface Bar { /** What it counts, in words: "14:30", "10 to 15 words". */ label: string; value: number }

interface Props {
  bars: readonly Bar[];
  /** What is counted: the sentence for screen readers begins with it. */
  label: string;
  format?: (value: number) => string;
  height?: number;
  /** Called with the first and last chosen bar. */
  onSelect?: ((first: number, last: number) => void) | undefined;
  selected?: readonly [number, number] | null | undefined;
  /** Which bars carry their name below: the ends alone, or all. */
  names?: "ends" | "all" | "none";
  /** Green above zero and red below, for gains and losses. */
  signed?: boolean;
}

export function Histogram({ bars, label, format = short, height = 80, onSelect, selected, names = "ends", signed = false }: Props) {
  const [from, setFrom] = useState<number | null>(null);
  const [over, setOver] = useState<number | null>(null);
  const values = bars.map((bar) => bar.value);
  const ticks = niceTicks(Math.min(0, ...values), Math.max(0, ...values), 3);
  const [low, high] = [ticks[0]!, ticks[ticks.length - 1]!];
  const zero = ((0 - low) / (high - low)) * 100;
  const range = from !== null && over !== null ? [Math.min(from, over), Math.max(from, over)] as const : selected;
  const done = () => {
    if (from !== null && over !== null) onSelect?.(Math.min(from, over), Math.max(from, over));
    setFrom(null);
  };
  if (bars.length === 0) return <p className="text-text-3">Nothing to count yet.</p>;
  const most = bars.reduce((best, bar) => (bar.value > best.value ? bar : best));
  const pointed = over === null ? null : bars[over];
  return (
    <figure aria-label={`${label}: ${bars.length} bars, most ${format(most.value)} at ${most.label}`}>
      <div className="flex gap-2">
        <div className="nums relative w-8 shrink-0 text-right text-2xs text-text-3" style={{ height }}>
          {[low, high].filter((tick, at) => at === 1 || tick !== 0).map((tick) => <span key={tick} className="absolute right-0 -translate-y-1/2" style={{ bottom: tick === low ? -8 : undefined, top: tick === high ? 0 : undefined }}>{format(tick)}</span>)}
          {low !== 0 || high !== 0 ? <span className="absolute right-0 translate-y-1/2" style={{ bottom: `${zero}%` }}>0</span> : null}
        </div>
        <div className="relative flex min-w-0 flex-1 touch-none items-stretch gap-px select-none" style={{ height }} onPointerLeave={() => { setOver(null); setFrom(null); }} onPointerUp={done}>
          <span aria-hidden className="absolute inset-x-0 border-t border-border-strong" style={{ bottom: `${zero}%` }} />
          {bars.map((bar, at) => {
            const inside = range ? at >= range[0] && at <= range[1] : true;
            const Shape = onSelect ? "button" : "div";
            return (
              <Shape key={at} {...(onSelect ? { type: "button" as const, "aria-pressed": Boolean(range && inside), onClick: (event: React.MouseEvent) => event.detail === 0 && onSelect(at, at) } : { role: "img" })}
                aria-label={`${bar.label}: ${format(bar.value)}`} title={`${bar.label}: ${format(bar.value)}`}
                onPointerDown={() => onSelect && setFrom(at)} onPointerEnter={() => setOver(at)}
                className={clsx("relative min-w-0 flex-1 hover:bg-hover", !inside && "opacity-40")}>
                <span aria-hidden className={clsx("absolute inset-x-px min-h-px", signed ? (bar.value < 0 ? "bg-failed" : "bg-succeeded/80") : "bg-cat-1", bar.value < 0 ? "rounded-b-[2px]" : "rounded-t-[2px]")}
                  style={bar.value < 0 ? { top: `${100 - zero}%`, height: `${(-bar.value / (high - low)) * 100}%` } : { bottom: `${zero}%`, height: `${(bar.value / (high - low)) * 100}%` }} />
              </Shape>
            );
          })}
        </div>
      </div>
      {names !== "none" && (
        <figcaption className="mt-1 flex justify-between gap-1 pl-10 text-2xs text-text-3">
          {names === "all" ? bars.map((bar, at) => <span key={at} className="min-w-0 flex-1 truncate text-center" title={bar.label}>{bar.label}</span>)
            : <><span>{bars[0]!.label}</span>{pointed && <span className="text-text-2">{pointed.label}: {format(pointed.value)}</span>}<span>{bars[bars.length - 1]!.label}</span></>}
        </figcaption>
      )}
    </figure>
  );
}
