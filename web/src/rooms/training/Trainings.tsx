/** All trainings: states, priorities, progress; the way to start one. */
"use client";

import { Dumbbell, TriangleAlert } from "lucide-react";
import Link from "next/link";
import { useState } from "react";

import { clockTime, digits, duration, percent } from "@/kit/format/format";
import { short } from "@/kit/charts/scale";
import { useKeys } from "@/kit/keys/useKeys";
import { reveal } from "@/kit/text/Untrusted";
import { href, useUrl } from "@/kit/url";
import { Button } from "@/kit/ui/Button";
import { PageHeader } from "@/kit/ui/Card";
import { StateChip, Tag } from "@/kit/ui/Chip";
import { EmptyState, ErrorBox, Skeleton } from "@/kit/ui/Moments";
import type { TrainingListed } from "@/kit/api/schema";

import { type Progress, progressOf } from "./progress";
import { isOpen, useEnvironment, useTrainings } from "./queries";
import { StartDialog } from "./Start";

export function Trainings() {
  const { data, error, refetch } = useTrainings();
  const environment = useEnvironment();
  const { get, set } = useUrl();
  const wanted = get("dataset"); // a dataset's page asks to train on it
  const [asked, setAsked] = useState(false);
  const starting = asked || wanted !== null;
  const leave = () => { setAsked(false); if (wanted) set({ dataset: null }); };
  useKeys("Training", [{ keys: "n", label: "Train an adapter", run: () => setAsked(true) }]);
  const start = <Button kind="ink" icon={Dumbbell} onClick={() => setAsked(true)}>Train an adapter</Button>;
  const waiting = data?.items.filter((each) => each.state === "queued").length ?? 0;
  return (
    <>
      <PageHeader title="Training" note={environment.data ? `${environment.data.slots} at a time${waiting > 0 ? `, ${waiting} waiting, the highest priority first` : ""}` : undefined} actions={start} />
      {environment.data && !environment.data.ready && <p className="mb-3 flex gap-2 rounded-control bg-attention-soft px-3 py-2 text-attention"><TriangleAlert aria-hidden size={16} className="mt-0.5 shrink-0" /> {reveal(environment.data.advice ?? "This server cannot train.")}</p>}
      {error ? <ErrorBox error={error} retry={() => void refetch()} /> : !data ? <Skeleton rows={8} />
        : data.items.length === 0 ? <EmptyState icon={Dumbbell} title="No job yet" action={start} command="camel-ext train start NAME --base bundled --dataset DATASET --preset quick">Some 50 pairs train in about half a minute here with the quick preset.</EmptyState>
        : <ul className="rounded-card border border-border">{data.items.map((each) => <JobRow key={each.id} each={each} />)}</ul>}
      {starting && <StartDialog dataset={wanted} onClose={leave} />}
    </>
  );
}

function JobRow({ each }: { each: TrainingListed }) {
  const progress = progressOf(each.progress);
  return (
    <li className="border-t border-border first:border-0">
      <Link href={href("/training", { id: each.id })} className="grid grid-cols-[auto_1fr] items-center gap-x-4 gap-y-1 px-4 py-2.5 hover:bg-hover md:grid-cols-[8rem_minmax(0,1fr)_14rem_9rem_7rem]">
        <span><StateChip state={each.state} /></span>
        <span className="min-w-0"><span className="flex items-center gap-2"><strong className="truncate font-[550]">{reveal(each.name)}</strong>{each.dry_run && <Tag>look only</Tag>}{each.priority !== 0 && <Tag>priority {each.priority}</Tag>}{each.alarms.length > 0 && <span className="flex items-center gap-1 text-attention"><TriangleAlert aria-hidden size={14} /> {each.alarms.length} {each.alarms.length === 1 ? "alarm" : "alarms"}</span>}</span>
          <span className="block truncate text-text-3">{reveal(each.base)} · {reveal(each.dataset)} · {reveal(each.preset)}</span></span>
        <span className="max-md:col-span-2"><StepBar state={each.state} ratio={each.progress_ratio} progress={progress} /></span>
        <span className="nums text-text-2 max-md:hidden">{each.error_code ? <span className="font-mono text-xs text-failed">{each.error_code}</span> : progress.loss == null ? "" : `loss ${short(progress.loss)}, accuracy ${short(progress.accuracy ?? null)}`}</span>
        <span className="nums text-text-3 max-md:col-span-2 md:text-right">{clockTime(each.created_at)}</span>
      </Link>
    </li>
  );
}

export function StepBar({ state, ratio, progress }: { state: string; ratio: number; progress: Progress }) {
  const words = progress.steps ? `Step ${digits(progress.step ?? 0)} of ${digits(progress.steps)}` : progress.phase ?? "";
  return (
    <span className="block">
      <span className="nums flex justify-between text-xs text-text-3"><span>{words}{isOpen(state) && progress.eta_s ? `, ${duration(progress.eta_s)} left` : ""}</span><span>{percent(ratio)}</span></span>
      <span role="progressbar" aria-label={words || "Progress"} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(ratio * 100)} className="mt-1 block h-1.5 overflow-hidden rounded-full bg-sunken">
        <span className={`block h-full ${state === "failed" ? "bg-failed" : state === "running" ? "bg-running" : state === "succeeded" ? "bg-succeeded" : "bg-cancelled"}`} style={{ width: `${ratio * 100}%` }} />
      </span>
    </span>
  );
}
