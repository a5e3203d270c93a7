/** Certificates: what is being proven, what was proven, and how much error each workflow has left to spend. */
"use client";

import { BadgeCheck, Sparkles } from "lucide-react";
import dynamic from "next/dynamic";
import Link from "next/link";
import { useState } from "react";

import { Interval, intervalText } from "@/kit/charts/Interval";
import { ago, clockTime, digits, points } from "@/kit/format/format";
import { reveal } from "@/kit/text/Untrusted";
import { href } from "@/kit/url";
import { Button } from "@/kit/ui/Button";
import { Card, PageHeader } from "@/kit/ui/Card";
import { StateChip, VerdictChip } from "@/kit/ui/Chip";
import { EmptyState, ErrorBox, Skeleton } from "@/kit/ui/Moments";
import type { BudgetShown, CertificateListed, ImprovementListed } from "@/kit/api/schema";

import { useBudgets, useCertificate, useCertificates, useImprovements } from "./queries";
import { StageDots } from "./Stages";

const ImproveDialog = dynamic(() => import("./Improve").then((module) => module.ImproveDialog), { ssr: false });

export function Experiments() {
  const [starting, setStarting] = useState(false);
  const certificates = useCertificates();
  const improvements = useImprovements();
  const budgets = useBudgets();
  const ongoing = (improvements.data?.items ?? []).filter((each) => each.certificate_id === null || !["succeeded"].includes(each.state));
  const start = <Button kind="ink" icon={Sparkles} onClick={() => setStarting(true)}>Improve a workflow</Button>;
  const error = certificates.error ?? improvements.error;
  return (
    <>
      <PageHeader title="Certificates" note="What was proven, and what is being proven" actions={start} />
      {error ? <ErrorBox error={error} retry={() => { void certificates.refetch(); void improvements.refetch(); }} />
        : !certificates.data || !improvements.data ? <Skeleton rows={6} />
        : certificates.data.items.length === 0 && ongoing.length === 0 ? <EmptyState icon={BadgeCheck} title="No verdict yet" action={start} command="camel-ext improve WORKFLOW --plan">It needs a candidate and held-out goals. An improvement makes both, and proves the one on the other.</EmptyState>
        : (
          <div className="space-y-3.5">
            {ongoing.length > 0 && (
              <Card title="Improvements" note="sample, judge, train, prove" flush>
                <ul>{ongoing.map((each) => <ImprovementRow key={each.id} each={each} />)}</ul>
              </Card>
            )}
            <Card title="Verdicts" note={digits(certificates.data.items.length)} flush>
              {certificates.data.items.length === 0 ? <p className="px-4 pb-4">The first one comes at the end of the improvement.</p>
                : <ul>{certificates.data.items.map((each) => <CertificateRow key={each.id} each={each} />)}</ul>}
            </Card>
            {budgets.data && budgets.data.length > 0 && <Budgets budgets={budgets.data} />}
          </div>
        )}
      {starting && <ImproveDialog onClose={() => setStarting(false)} />}
    </>
  );
}

function ImprovementRow({ each }: { each: ImprovementListed }) {
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-1.5 border-t border-border px-4 py-2.5">
      <StateChip state={each.state} waitingFor={each.waiting_for} />
      <Link href={href("/experiments/improvement", { id: each.id })} className="min-w-0 font-[550] text-text hover:underline">{reveal(each.workflow)} <span className="font-normal text-text-3">· {reveal(each.agent)}</span></Link>
      <StageDots stage={each.stage} state={each.state} />
      {each.error_detail && <span className="min-w-0 flex-1 truncate text-failed" title={each.error_detail}>{reveal(each.error_detail)}</span>}
      <span className="nums ml-auto text-text-3" title={each.created_at}>{ago(each.created_at)}</span>
    </li>
  );
}

function CertificateRow({ each }: { each: CertificateListed }) {
  const { data } = useCertificate(each.id); // the list knows the verdict; effect and interval are the certificate's
  return (
    <li className="border-t border-border">
      <Link href={href("/experiments/certificate", { id: each.id })} className="grid grid-cols-[auto_1fr] items-center gap-x-4 gap-y-1 px-4 py-2.5 hover:bg-hover md:grid-cols-[9rem_minmax(0,1fr)_10rem_12rem_8rem]">
        <span><VerdictChip verdict={each.verdict} /></span>
        <span className="min-w-0"><span className="block truncate font-[550] text-text">{data ? `${reveal(data.candidate.target)} against ${reveal(data.baseline.target)}` : reveal(each.workflow)}</span><span className="block truncate text-text-3">C-{String(each.number).padStart(4, "0")} · {reveal(each.workflow)}{data?.decision ? ` · ${decided(data.decision)}` : data ? " · not decided" : ""}</span></span>
        <span className="nums max-md:col-span-2"><strong>{data ? `${points(data.effect)} points` : ""}</strong><span className="text-text-3 md:block">{data ? ` n = ${digits(data.n)}` : ""}</span></span>
        <span className="max-md:col-span-2">{data && <><Interval compact effect={data.effect} low={data.interval[0]} high={data.interval[1]} needed={data.needed} level={data.level} n={data.n} ticks={[-1, 0, 1]} /><span className="nums block text-xs text-text-3">{intervalText(data.interval[0], data.interval[1], data.level)}</span></>}</span>
        <span className="nums text-text-3 md:text-right">{clockTime(each.created_at)}</span>
      </Link>
    </li>
  );
}

function decided({ kind, rolled_back_at }: { kind: string; rolled_back_at: string | null }): string {
  return rolled_back_at ? "rolled back" : kind === "promotion" ? "promoted" : kind === "refusal" ? "refused" : kind;
}

function Budgets({ budgets }: { budgets: readonly BudgetShown[] }) {
  return (
    <Card title="Error budgets" note="what all verdicts on a workflow may be wrong, over its whole life" flush>
      <ul>
        {budgets.map((each) => (
          <li key={each.workflow} className="nums grid items-center gap-x-4 gap-y-1 border-t border-border px-4 py-2.5 md:grid-cols-[12rem_1fr_auto]">
            <span className="font-[550] text-text">{reveal(each.workflow)}</span>
            <span role="img" aria-label={`${percentText(each.spent)} of ${percentText(each.level)} spent`} className="h-1.5 overflow-hidden rounded-full bg-sunken"><span className="block h-full bg-accent" style={{ width: `${Math.min(100, (100 * each.spent) / each.level)}%` }} /></span>
            <span className="text-text-3">{percentText(each.spent)} of {percentText(each.level)} spent in {each.cycles} {each.cycles === 1 ? "look" : "looks"}; the next may err {percentText(each.next_alpha)}</span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

const percentText = (ratio: number) => `${Number((100 * ratio).toPrecision(2))} %`;
