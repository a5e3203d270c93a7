/** A chart of curves over steps: smoothed with the raw line behind, log scale, alarms, one crosshair over all charts of a page. */
"use client";

import clsx from "clsx";
import { useEffect, useId, useMemo, useRef, useState } from "react";

import { CurveTable } from "./CurveTable";
import type { Alarm, Drawn, Plot, Tone } from "./plot";
import { align, allPositive, describe, type Point, short, smooth } from "./scale";

export interface Curve {
  label: string;
  points: readonly Point[];
  tone?: Tone;
  /** `hollow`: single measurements (held-out pairs), never smoothed; `dashed`: another run. */
  kind?: "line" | "dashed" | "hollow";
}

interface Props {
  title: string;
  /** In what it is measured; stands in the title. */
  unit?: string;
  curves: readonly Curve[];
  /** What x counts: "step". */
  over?: string;
  xMax?: number | undefined;
  /** Weight of the moving average in [0, 1); the raw line stays at 28 %. */
  smoothing?: number;
  log?: boolean;
  /** Begin y at zero. */
  zero?: boolean;
  alarms?: readonly Alarm[];
  /** Charts with the same word move their crosshairs together. */
  sync?: string;
  /** Show the numbers instead; the key `t` on a focused chart does the same. */
  table?: boolean;
  format?: (value: number) => string;
  height?: number;
}

const TONES: readonly Tone[] = ["blue", "orange", "teal", "rose", "olive", "violet"];
const SWATCH: Record<Tone, string> = { blue: "border-cat-1", orange: "border-cat-2", teal: "border-cat-3", rose: "border-cat-4", olive: "border-cat-5", violet: "border-cat-6", grey: "border-text-3" };

const toneOf = (curve: Curve, at: number): Tone => curve.tone ?? TONES[at % TONES.length]!;

/** What is drawn, in order: raw lines first, so that smoothed ones lie on top. */
function draw(curves: readonly Curve[], weight: number): { x: number[]; lines: Drawn[]; shown: (number | null)[][] } {
  const { x, y } = align(curves.map((curve) => curve.points));
  const shown = curves.map((curve, at) => (curve.kind === "hollow" ? y[at]! : smooth(y[at]!, weight)));
  const raw = curves.flatMap((curve, at): Drawn[] => (weight > 0 && curve.kind !== "hollow" && curve.kind !== "dashed" ? [{ label: `${curve.label}, raw`, values: y[at]!, tone: toneOf(curve, at), kind: "raw" }] : []));
  const tops = curves.map((curve, at): Drawn => ({ label: curve.label, values: shown[at]!, tone: toneOf(curve, at), kind: curve.kind ?? "line" }));
  return { x, lines: [...raw, ...tops], shown };
}

export function Curves({ title, unit, curves, over = "step", xMax, smoothing = 0, log = false, zero = false, alarms = [], sync = "charts", table = false, format = short, height = 150 }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot | null>(null);
  const index = useRef<number | null>(null);
  const [at, setAt] = useState<number | null>(null);
  const [asTable, setAsTable] = useState(false);
  const [spoken, setSpoken] = useState("");
  const help = useId();
  const logs = log && allPositive(curves.map((curve) => curve.points));
  const { x, lines, shown } = useMemo(() => draw(curves, smoothing), [curves, smoothing]);
  const shape = JSON.stringify([lines.map(({ label, tone, kind }) => [label, tone, kind]), logs, zero, xMax, alarms, sync, height]);
  const latest = useRef({ x, lines, alarms });
  useEffect(() => { latest.current = { x, lines, alarms }; });
  const tabled = table !== asTable;

  useEffect(() => { // a new shape makes a new plot; new points only change its data
    const element = box.current;
    if (!element || tabled) return;
    let gone = false;
    let undo = () => undefined as void;
    void import("./plot").then(({ makePlot }) => {
      if (gone) return;
      const made = makePlot({ element, height, log: logs, zero, xMax, sync, ...latest.current, onMove: (to) => { index.current = to; setAt(to); } });
      plot.current = made;
      const sized = new ResizeObserver(() => made.setSize({ width: Math.max(120, element.clientWidth), height }));
      sized.observe(element);
      const themed = new MutationObserver(() => made.redraw(false));
      themed.observe(document.documentElement, { attributeFilter: ["data-theme"] });
      undo = () => { sized.disconnect(); themed.disconnect(); made.destroy(); plot.current = null; };
    });
    return () => { gone = true; undo(); };
    // eslint-disable-next-line react-hooks/exhaustive-deps -- `shape` stands for all that needs a new plot
  }, [shape, tabled]);

  useEffect(() => { plot.current?.setData([x, ...lines.map((line) => line.values)] as never); }, [x, lines]);

  function walk(to: number) {
    const next = Math.min(x.length - 1, Math.max(0, to));
    plot.current?.setCursor({ left: plot.current.valToPos(x[next]!, "x"), top: 0 });
    setAt(next);
    index.current = next;
    setSpoken(`${over} ${x[next]}: ${curves.map((curve, which) => `${curve.label} ${valueAt(shown[which]!, next, format)}`).join(", ")}`);
  }
  function onKeyDown(event: React.KeyboardEvent) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const now = index.current ?? x.length;
    const to = { ArrowLeft: now - 1, ArrowRight: index.current === null ? 0 : now + 1, Home: 0, End: x.length - 1 }[event.key];
    if (to !== undefined && x.length > 0) { event.preventDefault(); event.stopPropagation(); walk(to); }
    if (event.key === "t") { event.preventDefault(); event.stopPropagation(); setAsTable((was) => !was); }
  }
  const last = curves[0]?.points.findLast(([, value]) => value !== null)?.[1] ?? null; // as it was measured, never smoothed
  return (
    <section className="min-w-0 rounded-card border border-border bg-surface p-3">
      <header className="flex items-baseline gap-2">
        <h2 className="min-w-0 truncate">{title}{unit && <span className="font-normal text-text-3">, {unit}</span>}{log && !logs && <span className="font-normal text-text-3" title="A log scale cannot show zero or less"> linear</span>}</h2>
        <span className="nums ml-auto font-semibold text-text" title="Last value">{last === null ? "–" : format(last)}</span>
      </header>
      <ul className="nums mt-0.5 flex min-h-5 flex-wrap gap-x-3 text-xs text-text-2">
        {curves.map((curve, which) => (
          <li key={curve.label} className="flex items-center gap-1.5">
            {curve.kind === "hollow" ? <span aria-hidden className={clsx("size-2 rounded-full border-2", SWATCH[toneOf(curve, which)])} />
              : <span aria-hidden className={clsx("w-3.5 border-t-2", SWATCH[toneOf(curve, which)], curve.kind === "dashed" && "border-dashed")} />}
            {curve.label}{at !== null && <strong className="font-[550]">{valueAt(shown[which]!, at, format)}</strong>}
          </li>
        ))}
        {at !== null && x[at] !== undefined && <li className="ml-auto text-text-3">{over} {x[at]}</li>}
      </ul>
      {tabled ? <CurveTable title={title} over={over} x={x} labels={curves.map((curve) => curve.label)} columns={shown} format={format} height={height} onKeyDown={onKeyDown} /> : (
        <div ref={box} role="group" tabIndex={0} aria-label={`${title}${unit ? `, ${unit}` : ""}: chart`} aria-describedby={help} onKeyDown={onKeyDown} style={{ height }} className="rounded-key" />
      )}
      <p id={help} className="sr-only">{curves.map((curve) => describe(curve.label, curve.points, over)).join(" ")} {alarms.map((alarm) => `Alarm from ${over} ${alarm.from}: ${alarm.word}.`).join(" ")} Arrow keys walk the points, t shows them as a table.</p>
      <p className="sr-only" aria-live="polite">{spoken}</p>
    </section>
  );
}

/** The value at an index, or the last one before it: held-out points are rarer than steps. */
function valueAt(values: readonly (number | null)[], at: number, format: (value: number) => string): string {
  const found = values.slice(0, at + 1).findLast((value) => value !== null);
  return found == null ? "–" : format(found);
}
