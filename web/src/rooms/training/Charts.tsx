/** The curves of a training, with smoothing, log scale and another run beside it; all of that lives in the address. */
"use client";

import { useMemo, useRef, useState } from "react";

import { Curves } from "@/kit/charts/Curves";
import { short } from "@/kit/charts/scale";
import { useKeys } from "@/kit/keys/useKeys";
import { reveal } from "@/kit/text/Untrusted";
import { useUrl } from "@/kit/url";
import { CheckField, SelectField } from "@/kit/ui/Field";
import { ErrorBox } from "@/kit/ui/Moments";
import type { MetricShown, TrainingShown } from "@/kit/api/schema";

import { alarmsOn, CHARTS, curvesOf } from "./curves";
import { progressOf } from "./progress";
import { isOpen, useMetrics, useTrainings } from "./queries";

const STEP = 0.1, MOST = 0.9, USUAL = 0.6;
const NONE: MetricShown[] = [];

export function Charts({ job }: { job: TrainingShown }) {
  const { get, set } = useUrl();
  const open = isOpen(job.state);
  const [table, setTable] = useState(false);
  const select = useRef<HTMLDivElement>(null);
  const smoothing = get("smooth") === null ? USUAL : Math.min(MOST, Math.max(0, Number(get("smooth")) || 0));
  const log = get("log") === "true";
  const other = get("compare");
  const steps = useMetrics(job.id, "step", open);
  const looks = useMetrics(job.id, "eval", open);
  const beside = useMetrics(other, "step", false);
  const others = (useTrainings().data?.items ?? []).filter((each) => each.id !== job.id && !each.dry_run);
  const name = others.find((each) => each.id === other);
  const smooth = (by: number) => set({ smooth: Math.min(MOST, Math.max(0, smoothing + by)).toFixed(1) });
  useKeys("Training", [
    { keys: "c", label: "Compare with another training", run: () => select.current?.querySelector("select")?.focus() },
    { keys: "l", label: "Log scale", run: () => set({ log: log ? null : true }) },
    { keys: ",", label: "Smooth less", run: () => smooth(-STEP), repeat: true },
    { keys: ".", label: "Smooth more", run: () => smooth(STEP), repeat: true },
    { keys: "t", label: "The numbers as tables", run: () => setTable((was) => !was) },
  ]);
  const points = steps.data ?? NONE, held = looks.data ?? NONE, more = beside.data;
  const label = name ? `${reveal(name.name)}, ${reveal(name.dataset)}` : "the other";
  const drawn = useMemo(() => CHARTS.map((chart) => ({ chart, curves: curvesOf(chart, points, held, more && more.length > 0 ? { name: label, steps: more } : undefined), alarms: alarmsOn(chart, job.alarms) })), [points, held, more, label, job.alarms]);
  if (steps.error) return <ErrorBox error={steps.error} retry={() => void steps.refetch()} />;
  return (
    <>
      <div className="flex flex-wrap items-center gap-x-5 gap-y-2">
        <label className="flex items-center gap-2">Smoothing <input type="range" min={0} max={MOST} step={STEP} value={smoothing} onChange={(event) => set({ smooth: event.target.value })} className="w-24 accent-accent" /><span className="nums w-6">{smoothing.toFixed(1)}</span></label>
        <CheckField label="Log scale" checked={log} onChange={() => set({ log: log ? null : true })} />
        <CheckField label="Tables" checked={table} onChange={() => setTable(!table)} />
        {others.length > 0 && <div ref={select}><SelectField bare label="Compare with" value={other ?? ""} onChange={(event) => set({ compare: event.target.value || null })} className="w-60" options={[{ value: "", label: "Compare with …" }, ...others.map((each) => ({ value: each.id, label: `${reveal(each.name)}, ${reveal(each.dataset)}, ${reveal(each.preset)}` }))]} /></div>}
      </div>
      {points.length === 0 && <p className="text-text-3">{open ? "The first step comes when the base is loaded and the reference is known." : "No step was recorded."}</p>}
      {points.length > 0 && <div className="grid gap-3 md:grid-cols-2 xl:grid-cols-3 min-[1920px]:grid-cols-4">
        {drawn.map(({ chart, curves, alarms }) => (
          <Curves key={chart.id} title={chart.title} unit={chart.unit} curves={curves} smoothing={chart.exact ? 0 : smoothing} log={log} zero={chart.zero ?? false} alarms={alarms} sync="training" table={table} xMax={progressOf(job.progress).steps} format={short} />
        ))}
      </div>}
    </>
  );
}
