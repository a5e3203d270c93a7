/** An effect with its interval, drawn to scale: zero, what is needed, bar, caps, point. The text says the same. */
import clsx from "clsx";

import { points } from "../format/format";
import { effectTicks, share } from "./scale";

interface Effect {
  /** Ratios: 0.54 is 54 points. */
  effect: number;
  low: number;
  high: number;
  /** The interval must lie above this. */
  needed?: number | undefined;
}

interface Props extends Effect {
  /** Confidence of the interval, in [0, 1]. */
  level?: number | undefined;
  n?: number | undefined;
  /** No axis and no words: one line, for rows. */
  compact?: boolean;
  /** Share one scale between several. */
  ticks?: readonly number[] | undefined;
  className?: string | undefined;
}

type Tone = "succeeded" | "failed" | "attention";
const BAR: Record<Tone, string> = { succeeded: "bg-succeeded/35", failed: "bg-failed/35", attention: "bg-attention/35" };
const MARK: Record<Tone, string> = { succeeded: "bg-succeeded", failed: "bg-failed", attention: "bg-attention" };

function toneOf({ low, high, needed = 0 }: Effect): Tone {
  return low > needed ? "succeeded" : high < 0 ? "failed" : "attention";
}

/** 97 %, 99.2 %: as many places as the level has, one at most. */
export function levelText(level: number): string {
  const percent = level * 100;
  return `${Number(percent.toFixed(percent > 99 ? 1 : 0))} %`;
}

/** "97 % interval +44.4 to +63.1", at the level that was decided on. */
export function intervalText(low: number, high: number, level?: number): string {
  return `${level === undefined ? "" : `${levelText(level)} `}interval ${points(low)} to ${points(high)}`;
}

export function Interval({ effect, low, high, needed = 0, level, n, compact = false, ticks: given, className }: Props) {
  const ticks = given ?? effectTicks(low, high, needed, compact ? 4 : 6);
  const at = (value: number) => `${share(value, ticks) * 100}%`;
  const tone = toneOf({ effect, low, high, needed });
  const said = `${points(effect)} points, ${intervalText(low, high, level)}${n === undefined ? "" : `, n = ${n}`}; needed: above ${needed === 0 ? "zero" : points(needed)}`;
  return (
    <div role="img" aria-label={said} title={compact ? said : undefined} className={clsx("relative", compact ? "h-5 min-w-28" : "mx-4 h-[88px]", className)}>
      <span className={clsx("absolute right-0 bg-succeeded/6", compact ? "inset-y-0" : "top-0 bottom-6")} style={{ left: at(needed) }} />
      <span className={clsx("absolute w-px bg-border-strong", compact ? "inset-y-0" : "top-0 bottom-6")} style={{ left: at(0) }} />
      {needed !== 0 && <span className={clsx("absolute border-l-2 border-dashed border-succeeded", compact ? "inset-y-0" : "top-0 bottom-6")} style={{ left: at(needed) }} />}
      {!compact && <Words needed={needed} at={at} tight={share(0, ticks) < 0.25} />}
      <div className={clsx("absolute inset-x-0", compact ? "top-1/2" : "top-11")}>
        <span className={clsx("absolute -translate-y-1/2 rounded-key", BAR[tone], compact ? "h-1.5" : "h-3")} style={{ left: at(low), width: `${(share(high, ticks) - share(low, ticks)) * 100}%` }} />
        {[low, high].map((end, which) => <span key={which} className={clsx("absolute w-0.5 -translate-x-1/2 -translate-y-1/2", MARK[tone], compact ? "h-3" : "h-5")} style={{ left: at(end) }} />)}
        <span className={clsx("absolute -translate-x-1/2 -translate-y-1/2 rounded-full border-2 border-surface", MARK[tone], compact ? "size-2.5" : "size-4")} style={{ left: at(effect) }} />
      </div>
      {!compact && <Axis ticks={ticks} at={at} />}
    </div>
  );
}

function Words({ needed, at, tight }: { needed: number; at: (value: number) => string; tight: boolean }) {
  return (
    <p className="text-xs whitespace-nowrap">
      <span className={clsx("absolute top-0 -translate-x-full pr-1.5 text-text-3", tight && "max-md:hidden")} style={{ left: at(0) }}>no change</span>
      <span className="absolute top-0 pl-1.5 text-succeeded" style={{ left: at(Math.max(needed, 0)) }}>needed: {needed === 0 ? "all above 0" : `above ${points(needed)}`}</span>
    </p>
  );
}

function Axis({ ticks, at }: { ticks: readonly number[]; at: (value: number) => string }) {
  return (
    <div className="nums absolute inset-x-0 bottom-0 h-6 border-t border-border-strong text-2xs text-text-3">
      {ticks.map((tick) => (
        <span key={tick} className="absolute top-0" style={{ left: at(tick) }}>
          <span className="absolute h-1 w-px bg-border-strong" />
          <span className="absolute top-1.5 -translate-x-1/2 whitespace-nowrap">{tick === 0 ? "0" : points(tick, Number.isInteger(Math.round(tick * 1e6) / 1e4) ? 0 : 1)}</span>
        </span>
      ))}
    </div>
  );
}
