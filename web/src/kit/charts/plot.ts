/** uPlot in the house's clothes. Loaded when the first chart is seen, never with the page. Not: React. */
import "uplot/dist/uPlot.min.css";

import uPlot from "uplot";

import { short } from "./scale";

export type Tone = "blue" | "orange" | "teal" | "rose" | "olive" | "violet" | "grey";

/** One line as it is drawn; `values` go with the shared x. */
export interface Drawn { label: string; values: (number | null)[]; tone: Tone; kind: "line" | "raw" | "dashed" | "hollow" }

/** A moment or a span that wants attention: tinted, dashed at its start, with its word. */
export interface Alarm { from: number; to?: number | undefined; word: string }

export interface PlotProps {
  element: HTMLElement;
  height: number;
  x: number[];
  lines: Drawn[];
  xMax?: number | undefined;
  log: boolean;
  zero: boolean;
  alarms: readonly Alarm[];
  sync: string;
  onMove: (index: number | null) => void;
}

const TOKENS: Record<Tone, string> = { blue: "--cat-1", orange: "--cat-2", teal: "--cat-3", rose: "--cat-4", olive: "--cat-5", violet: "--cat-6", grey: "--text-3" };
const RAW = 0.28;

function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function alpha(colour: string, opacity: number): string {
  return `${colour}${Math.round(opacity * 255).toString(16).padStart(2, "0")}`;
}

function series({ label, tone, kind }: Drawn): uPlot.Series {
  const colour = () => (kind === "raw" ? alpha(token(TOKENS[tone]), RAW) : token(TOKENS[tone]));
  return {
    label,
    stroke: colour,
    width: kind === "raw" ? 1 : 2,
    spanGaps: true,
    ...(kind === "dashed" ? { dash: [5, 4] } : {}),
    ...(kind === "hollow" ? { paths: () => null } : {}),
    points: { show: kind === "hollow" ? true : undefined, size: 8, width: 2, stroke: colour, fill: kind === "hollow" ? () => token("--surface") : colour },
  };
}

function drawAlarms(plot: uPlot, alarms: readonly Alarm[]): void {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  const colour = token("--attention");
  ctx.save();
  ctx.font = `${11 * ratio}px ${getComputedStyle(document.body).fontFamily}`;
  for (const { from, to, word } of alarms) {
    const left = plot.valToPos(from, "x", true);
    const right = Math.min(bbox.left + bbox.width, to === undefined ? bbox.left + bbox.width : plot.valToPos(to, "x", true));
    ctx.fillStyle = alpha(colour, 0.12);
    ctx.fillRect(left, bbox.top, right - left, bbox.height);
    ctx.strokeStyle = colour;
    ctx.lineWidth = ratio;
    ctx.setLineDash([4 * ratio, 3 * ratio]);
    ctx.beginPath();
    ctx.moveTo(left, bbox.top);
    ctx.lineTo(left, bbox.top + bbox.height);
    ctx.stroke();
    ctx.fillStyle = colour;
    const fits = left + ctx.measureText(word).width + 6 * ratio < bbox.left + bbox.width;
    ctx.textAlign = fits ? "left" : "right";
    ctx.fillText(word, left + (fits ? 5 : -5) * ratio, bbox.top + bbox.height - 6 * ratio);
  }
  ctx.restore();
}

function axis(side: "x" | "y"): uPlot.Axis {
  return {
    stroke: () => token("--text-3"),
    font: "11px Inter Variable, system-ui, sans-serif",
    grid: { show: side === "y", stroke: () => token("--border"), width: 1 },
    ticks: { show: false },
    gap: side === "x" ? 2 : 6,
    size: side === "x" ? 22 : 52,
    space: side === "x" ? 48 : 24,
    values: (_, ticks) => ticks.map((tick) => (tick === null ? null : short(tick))),
  };
}

/** Make a plot; the caller destroys it, or changes its data and size in place. */
export function makePlot({ element, height, x, lines, xMax, log, zero, alarms, sync, onMove }: PlotProps): uPlot {
  const options: uPlot.Options = {
    width: Math.max(120, element.clientWidth),
    height,
    padding: [8, 12, 0, 0],
    legend: { show: false },
    scales: {
      x: { time: false, range: (_, low, high) => [Math.min(0, low), Math.max(xMax ?? high, low + 1)] },
      y: log ? { distr: 3 } : { range: (_, low, high) => uPlot.rangeNum(zero ? Math.min(0, low) : low, high, { min: { pad: 0.08 }, max: { pad: 0.08 } }) },
    },
    axes: [axis("x"), axis("y")],
    series: [{}, ...lines.map(series)],
    cursor: { y: false, drag: { x: true, y: false }, points: { size: 7 }, sync: { key: sync, setSeries: false } },
    hooks: { drawClear: [(plot) => drawAlarms(plot, alarms)], setCursor: [(plot) => onMove(plot.cursor.idx ?? null)] },
  };
  return new uPlot(options, [x, ...lines.map((line) => line.values)] as uPlot.AlignedData, element);
}

export type Plot = uPlot;
