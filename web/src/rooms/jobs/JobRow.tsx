/** One job: state, what it works for, tries and the cause of a failure; stop it, or queue it again. */
"use client";

import { CircleStop, RotateCw } from "lucide-react";
import Link from "next/link";

import type { JobShown } from "@/kit/api/schema";
import { ago, shortId } from "@/kit/format/format";
import { reveal } from "@/kit/text/Untrusted";
import { Button } from "@/kit/ui/Button";
import { StateChip, Tag } from "@/kit/ui/Chip";
import { ErrorBox } from "@/kit/ui/Moments";
import { say } from "@/kit/ui/Toast";

import { useJobSteering } from "./queries";
import { worksFor } from "./works";

export function JobRow({ job }: { job: JobShown }) {
  const act = useJobSteering(job.id);
  const works = worksFor(job.args);
  return (
    <li className="border-t border-border px-4 py-2 first:border-t-0">
      <div className="flex min-h-8 flex-wrap items-center gap-x-3 gap-y-1.5">
        <StateChip state={job.state} waitingFor={job.waiting_for} />
        <span className="font-[550] text-text">{job.kind}</span>
        {works ? <Link href={works.href} className="text-accent underline">{works.word}</Link> : <span className="font-mono text-xs text-text-3">{shortId(job.id)}</span>}
        {job.waits_for_limit && <Tag>waits for: limit of {job.waits_for_limit.name} ({job.waits_for_limit.running} of {job.waits_for_limit.at_once})</Tag>}
        {job.priority !== 0 && <Tag>priority {job.priority}</Tag>}
        {job.attempts > 0 && <span className="nums text-text-3">{job.attempts} of {job.max_attempts} tries failed</span>}
        <span data-varies className="nums ml-auto text-text-3" title={job.created_at}>{ago(job.created_at)}</span>
        {job.finished_at === null && <Button kind="danger" icon={CircleStop} busy={act.isPending} onClick={() => act.mutate("cancel", { onSuccess: () => say("The job is told to stop") })}>Stop</Button>}
        {job.state === "failed" && <Button icon={RotateCw} busy={act.isPending} onClick={() => act.mutate("repeat", { onSuccess: () => say("Queued again") })}>Queue again</Button>}
      </div>
      {job.error_code && <p className="mt-1 text-xs text-text-2 [overflow-wrap:anywhere]"><span className="font-mono text-text-3">{job.error_code}</span> {reveal(job.error_detail ?? "")}</p>}
      {act.error && <div className="mt-2"><ErrorBox error={act.error} /></div>}
    </li>
  );
}
