/** One training: is it learning the right thing? Curves, alarms in words, pairs, console; what to do where it failed. */
"use client";

import { OctagonX, Play, RotateCcw, TriangleAlert } from "lucide-react";
import Link from "next/link";
import { useState } from "react";

import { duration, percent, shortId } from "@/kit/format/format";
import { reveal, Untrusted } from "@/kit/text/Untrusted";
import { href, useUrl } from "@/kit/url";
import { Button } from "@/kit/ui/Button";
import { FigureStrip, PageHeader } from "@/kit/ui/Card";
import { StateChip } from "@/kit/ui/Chip";
import { Copy } from "@/kit/ui/Copy";
import { Dialog } from "@/kit/ui/Dialog";
import { ErrorBox, Skeleton } from "@/kit/ui/Moments";
import type { TrainingShown } from "@/kit/api/schema";

import { Charts } from "./Charts";
import { Config } from "./Config";
import { Console } from "./Console";
import { FirstBatch, Look } from "./Look";
import { WorstPairs } from "./Pairs";
import { bytes, preflightOf, progressOf } from "./progress";
import { isOpen, useMetrics, useSteer, useTraining } from "./queries";
import { StartDialog } from "./Start";
import { StepBar } from "./Trainings";

const TABS = [["charts", "Charts"], ["pairs", "Pairs"], ["console", "Console"], ["config", "Config"], ["batch", "First batch"]] as const;

export function Job({ id }: { id: string }) {
  const { data, error, refetch } = useTraining(id);
  const { get, path } = useUrl();
  const tab = get("tab") ?? "charts";
  if (error) return <ErrorBox error={error} retry={() => void refetch()} />;
  if (!data) return <Skeleton rows={10} />;
  const found = preflightOf(data.preflight);
  return (
    <>
      <Header job={data} />
      <div className="space-y-3">
        <Strip job={data} />
        {data.alarms.map((alarm) => (
          <p key={alarm.code} role="status" className="flex gap-2.5 rounded-control bg-attention-soft px-3.5 py-2 text-attention">
            <TriangleAlert aria-hidden size={16} className="mt-0.5 shrink-0" /><span><strong className="text-current">{capital(alarm.code.replaceAll("_", " "))}{alarm.step != null && ` since step ${alarm.step}`}.</strong> {reveal(alarm.words)}</span>
          </p>
        ))}
        {data.error_code && <Failure job={data} />}
        <nav aria-label="Parts of the training" className="flex flex-wrap gap-1 pt-1">
          {TABS.map(([name, label]) => <Link key={name} href={href(path, { id, tab: name === "charts" ? null : name, compare: get("compare"), smooth: get("smooth"), log: get("log") })} replace scroll={false} aria-current={tab === name ? "page" : undefined} className={`rounded-control border px-3 py-1 font-[550] ${tab === name ? "border-border bg-surface text-text" : "border-transparent text-text-2 hover:bg-hover"}`}>{label}</Link>)}
        </nav>
        {tab === "pairs" ? <WorstPairs job={data} all />
          : tab === "console" ? <Console job={data} tall />
          : tab === "config" ? <Config job={data} />
          : tab === "batch" ? (found ? <FirstBatch found={found} /> : <p>It has not looked yet.</p>)
          : <>
            {data.dry_run && found ? <Look found={found} /> : <Charts job={data} />}
            <div className="grid gap-3 xl:grid-cols-[3fr_2fr]"><WorstPairs job={data} /><Console job={data} /></div>
          </>}
      </div>
    </>
  );
}

function Header({ job }: { job: TrainingShown }) {
  const steer = useSteer(job.id);
  const [asking, setAsking] = useState(false);
  const [again, setAgain] = useState(false);
  return (
    <>
      <PageHeader state={<StateChip state={job.state} />} title={reveal(job.name)} note={`DPO, preset ${reveal(job.preset)}, on ${reveal(job.base)}, ${reveal(job.dataset)}`}
        actions={<>
          {isOpen(job.state) && <Button kind="danger" icon={OctagonX} onClick={() => setAsking(true)}>Cancel</Button>}
          {["failed", "cancelled"].includes(job.state) && <Button icon={Play} busy={steer.isPending} onClick={() => steer.mutate("resume")}>Resume from the last checkpoint</Button>}
          {!isOpen(job.state) && <Button icon={RotateCcw} onClick={() => setAgain(true)}>Train again</Button>}
        </>} />
      {steer.error && <div className="mb-3"><ErrorBox error={steer.error} /></div>}
      {asking && (
        <Dialog open onClose={() => setAsking(false)} title="Cancel the training?" actions={<>
          <Button onClick={() => setAsking(false)}>Let it go on</Button>
          <Button kind="danger-fill" busy={steer.isPending} onClick={() => steer.mutate("cancel", { onSuccess: () => setAsking(false) })}>Cancel it</Button>
        </>}><p>It writes a checkpoint and ends. It can be resumed from there.</p></Dialog>
      )}
      {again && <StartDialog from={job} onClose={() => setAgain(false)} />}
    </>
  );
}

function Strip({ job }: { job: TrainingShown }) {
  const progress = progressOf(job.progress);
  const open = isOpen(job.state);
  const looks = useMetrics(job.id, "eval", open).data ?? [];
  const heldOut = (looks.at(-1)?.values as { accuracy?: number } | undefined)?.accuracy;
  const began = job.started_at ? new Date(job.started_at).getTime() : null;
  const until = job.finished_at ? new Date(job.finished_at).getTime() : new Date().getTime(); // drawn anew at each read
  return (
    <div className="grid gap-3 lg:grid-cols-[minmax(14rem,1fr)_3fr]">
      <div className="rounded-card border border-border px-4 py-2.5"><StepBar state={job.state} ratio={job.progress_ratio} progress={progress} />{open && <p className="mt-1 text-xs text-text-3">{reveal(progress.phase ?? "waits for its turn")}{job.restarts > 0 && `, restarted ${job.restarts} times`}</p>}</div>
      <FigureStrip figures={[
        { label: "Left", value: open ? (progress.eta_s == null ? "–" : duration(progress.eta_s)) : job.state === "succeeded" ? "done" : "–" },
        { label: "Elapsed", value: began === null ? "–" : duration((until - began) / 1000) },
        { label: "Speed", value: progress.tokens_per_s == null ? "–" : Math.round(progress.tokens_per_s).toLocaleString("en-US"), note: "tok/s" },
        { label: "Memory", value: bytes(progress.rss_bytes) },
        { label: "Held-out accuracy", value: heldOut == null ? "–" : percent(heldOut) },
      ]} />
    </div>
  );
}

/** A failed training is data: what happened, what to try, the last lines. */
function Failure({ job }: { job: TrainingShown }) {
  return (
    <section role="alert" className="rounded-card border border-failed p-4">
      <p className="flex items-center gap-2 text-md font-semibold text-text"><OctagonX aria-hidden size={16} className="text-failed" /> The training stopped{progressOf(job.progress).step ? ` at step ${progressOf(job.progress).step}` : ""}. Its checkpoints are kept.</p>
      <Untrusted text={job.error_detail ?? ""} className="mt-1.5 max-w-[72ch]" />
      {job.error_advice && <p className="mt-1.5 max-w-[72ch] text-text"><strong>What to try:</strong> {reveal(job.error_advice)}</p>}
      {job.console_tail && <pre role="region" aria-label="The last lines" tabIndex={0} className="mt-2 max-h-40 overflow-auto rounded-control bg-sunken p-2.5 font-mono text-xs text-text">{reveal(job.console_tail.trimEnd().split("\n").slice(-8).join("\n"))}</pre>}
      <Copy text={`${job.error_code} training ${job.id}`} className="mt-2 font-mono text-xs text-text-3">{job.error_code} training {shortId(job.id)}</Copy>
    </section>
  );
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
