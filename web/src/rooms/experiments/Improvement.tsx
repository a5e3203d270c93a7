/** One improvement: its stages live, its plan as it was given, the way to stop it and to go on. */
"use client";

import { BadgeCheck, OctagonX, Play, RotateCcw } from "lucide-react";
import { stringify } from "yaml";
import { useState } from "react";

import { ago, clockTime } from "@/kit/format/format";
import { reveal, Untrusted } from "@/kit/text/Untrusted";
import { href, useUrl } from "@/kit/url";
import { Button, LinkButton } from "@/kit/ui/Button";
import { Card, PageHeader } from "@/kit/ui/Card";
import { StateChip } from "@/kit/ui/Chip";
import { Dialog } from "@/kit/ui/Dialog";
import { ErrorBox, Skeleton } from "@/kit/ui/Moments";
import { Unnamed } from "@/kit/ui/Unnamed";

import { ImproveDialog } from "./Improve";
import { useImprovement, useSteer } from "./queries";
import { StageList } from "./Stages";

export function Improvement() {
  const { get } = useUrl();
  const id = get("id");
  const { data, error, refetch } = useImprovement(id);
  const steer = useSteer(id ?? "");
  const [asking, setAsking] = useState(false);
  const [again, setAgain] = useState(false);
  if (!id) return <Unnamed what="improvement" list="/experiments" word="Certificates" />;
  if (error) return <ErrorBox error={error} retry={() => void refetch()} />;
  if (!data) return <Skeleton rows={10} />;
  const open = ["queued", "running", "waiting"].includes(data.state);
  const decide = data.state === "waiting" && data.waiting_for === "person";
  return (
    <>
      <PageHeader state={<StateChip state={data.state} waitingFor={data.waiting_for} />} title={`Improve ${reveal(data.workflow)}`}
        note={`agent ${reveal(data.agent)}, alias ${reveal(data.alias)} · started ${ago(data.created_at)} · seed ${data.seed}`}
        actions={<>
          {open && <Button kind="danger" icon={OctagonX} onClick={() => setAsking(true)}>Cancel</Button>}
          {(data.state === "failed" || data.state === "cancelled") && <Button icon={Play} busy={steer.isPending} onClick={() => steer.mutate("resume")}>Resume from {data.stage ?? "the start"}</Button>}
          {!open && <Button icon={RotateCcw} onClick={() => setAgain(true)}>Improve again</Button>}
          {data.certificate_id && <LinkButton kind="ink" icon={BadgeCheck} href={href("/experiments/certificate", { id: data.certificate_id })}>{decide ? "Read and decide" : "Open certificate"}</LinkButton>}
        </>} />
      <div className="space-y-3.5">
        {steer.error && <ErrorBox error={steer.error} />}
        {data.error_code && (
          <section role="alert" className="rounded-card border border-failed p-4">
            <p className="font-semibold text-text">It stopped at {data.stage}. What came before is kept.</p>
            <Untrusted text={data.error_detail ?? ""} className="mt-1" />
            <p className="mt-1 font-mono text-xs text-text-3">{data.error_code} trace {data.trace_id}</p>
          </section>
        )}
        <StageList shown={data} />
        <Card title="What was asked for" note={`policy ${data.policy_hash.slice(7, 15)}, ${clockTime(data.created_at)}`}>
          <pre role="region" aria-label="improve.yaml" tabIndex={0} className="max-h-96 overflow-auto font-mono text-xs text-text">{reveal(stringify(data.config, { lineWidth: 100 }))}</pre>
        </Card>
      </div>
      {asking && (
        <Dialog open onClose={() => setAsking(false)} title="Cancel the improvement?" actions={<>
          <Button onClick={() => setAsking(false)}>Let it go on</Button>
          <Button kind="danger-fill" busy={steer.isPending} onClick={() => steer.mutate("cancel", { onSuccess: () => setAsking(false) })}>Cancel it</Button>
        </>}><p>It stops, with everything that it started. What is done is kept: it can be resumed from there.</p>{steer.error && <ErrorBox error={steer.error} />}</Dialog>
      )}
      {again && <ImproveDialog from={{ workflow: data.workflow, config: data.config }} onClose={() => setAgain(false)} />}
    </>
  );
}
