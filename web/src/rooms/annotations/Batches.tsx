/** Verifiers over many answers: dry runs, progress, findings, and the way back. */
"use client";

import { FlaskConical, Play, ShieldCheck, Undo2 } from "lucide-react";
import Link from "next/link";
import { useState } from "react";

import type { BatchShown } from "@/kit/api/schema";
import { clockTime, digits } from "@/kit/format/format";
import { Untrusted } from "@/kit/text/Untrusted";
import { href } from "@/kit/url";
import { Button } from "@/kit/ui/Button";
import { Card } from "@/kit/ui/Card";
import { StateChip } from "@/kit/ui/Chip";
import { EmptyState, ErrorBox, Skeleton } from "@/kit/ui/Moments";
import { say } from "@/kit/ui/Toast";

import { useBatches, useChangeBatch, useStartBatch } from "./lists";

export function Batches({ onMake }: { onMake: () => void }) {
  const batches = useBatches();
  const rows = batches.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <div className="min-h-0 flex-1 space-y-3 overflow-y-auto px-6 py-4 max-md:px-3 max-md:pb-20">
      {batches.error ? <ErrorBox error={batches.error} retry={() => void batches.refetch()} />
        : batches.isLoading ? <Skeleton rows={4} label="Loading the batches" />
        : rows.length === 0 ? <EmptyState icon={ShieldCheck} title="No verifier has run yet" command="camel-ext annotate batch length -p unit=words -p max=40 --dry-run" action={<Button kind="ink" onClick={onMake}>Run a verifier</Button>}>A deterministic check judges thousands of answers. A dry run shows what it would say.</EmptyState>
        : rows.map((batch) => <Batch key={batch.id} batch={batch} />)}
      {batches.hasNextPage && <Button busy={batches.isFetchingNextPage} onClick={() => void batches.fetchNextPage()}>Older batches</Button>}
    </div>
  );
}

function Batch({ batch }: { batch: BatchShown }) {
  const [open, setOpen] = useState(false);
  const cancel = useChangeBatch("cancel"), undo = useChangeBatch("undo"), start = useStartBatch();
  const runs = batch.state === "queued" || batch.state === "running";
  const found: [string, number, string][] = [["passed", batch.passed, "bg-cat-1"], ["failed", batch.failed, "bg-cat-2"], ["not decided", batch.unfound, "bg-border-strong"], ["without a text", batch.unanswered, "bg-sunken"]];
  const whole = batch.total ?? batch.done;
  const written = !batch.dry_run && batch.state !== "queued" && batch.done > 0;
  const forReal = () => start.mutate({ verifier: batch.verifier, params: batch.params, per_subject: batch.per_subject, filter: batch.wanted, at_most: batch.at_most, dry_run: false } as never, { onSuccess: () => say(`${batch.verifier} runs for real`) });
  return (
    <Card>
      <div className="flex flex-wrap items-center gap-x-3 gap-y-2">
        <StateChip state={batch.state} />
        <h2>{batch.verifier}</h2>
        <Untrusted inline text={Object.entries({ ...batch.params, ...batch.per_subject }).map(([name, value]) => `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`).join(", ")} className="min-w-0 truncate font-mono text-xs text-text-2" />
        {batch.dry_run && <span className="inline-flex items-center gap-1 text-text-3"><FlaskConical aria-hidden size={14} /> dry run: nothing written</span>}
        {batch.undone_at && <span className="text-attention">taken back</span>}
        <span className="ml-auto flex flex-wrap gap-1.5">
          {runs && <Button onClick={() => cancel.mutate(batch.id)} busy={cancel.isPending}>Stop it</Button>}
          {batch.dry_run && batch.state === "succeeded" && batch.wanted !== null && <Button icon={Play} busy={start.isPending} onClick={forReal}>Run it for real</Button>}
          {written && !runs && !batch.undone_at && <Button kind="danger" icon={Undo2} busy={undo.isPending || batch.undoing} onClick={() => undo.mutate(batch.id, { onSuccess: () => say("Its verdicts are being taken back") })}>{batch.undoing ? `Taking back, ${digits(batch.undone)}` : "Take all back"}</Button>}
        </span>
      </div>
      <div role="progressbar" aria-label={`${batch.verifier}: looked at`} aria-valuemin={0} aria-valuemax={whole} aria-valuenow={batch.done} className="mt-3 flex h-2 gap-px overflow-hidden rounded-full bg-sunken">
        {found.map(([name, count, colour]) => count > 0 && <span key={name} className={colour} style={{ width: `${(count / Math.max(1, whole)) * 100}%` }} />)}
      </div>
      <div className="nums mt-2 flex flex-wrap gap-x-4 gap-y-1">
        {found.map(([name, count, colour]) => <span key={name} className="inline-flex items-center gap-1.5"><span aria-hidden className={`size-2 rounded-full ${colour}`} /> <strong>{digits(count)}</strong> {name}</span>)}
        <span className="text-text-3">{digits(batch.done)} of {digits(batch.total)} looked at{batch.mean_score !== null && `, mean score ${batch.mean_score.toFixed(2)}`}</span>
        <span className="ml-auto text-text-3">{clockTime(batch.created_at)}</span>
        {batch.examples.length > 0 && <button type="button" aria-expanded={open} onClick={() => setOpen(!open)} className="min-h-6 text-accent hover:underline">{open ? "Hide examples" : "Examples"}</button>}
      </div>
      {open && <ul className="mt-2 divide-y divide-border border-t border-border">{batch.examples.map((each, at) => <li key={at} className="grid grid-cols-[76px_1fr_auto] gap-3 py-1.5"><span className="text-text">{each.state}</span><Untrusted text={each.reason || "–"} /><Link href={href("/interactions/turn", { id: each.interaction_id })} className="text-accent hover:underline">the answer</Link></li>)}</ul>}
      {batch.error_detail && <p className="mt-2 text-failed">{batch.error_detail} <span className="font-mono text-xs">{batch.error_code}</span></p>}
      {[cancel, undo, start].map((each, at) => each.error && <ErrorBox key={at} error={each.error} />)}
    </Card>
  );
}
