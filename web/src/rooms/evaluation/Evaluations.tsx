/** Evaluation: what was compared, what is being examined, with which suites, and what judges said. */
"use client";

import { Plus, Scale } from "lucide-react";
import dynamic from "next/dynamic";
import Link from "next/link";
import { useState } from "react";

import type { ComparisonShown, EvaluationShown, SuiteShown } from "@/kit/api/schema";
import { Interval, intervalText } from "@/kit/charts/Interval";
import { clockTime, digits, percent, points } from "@/kit/format/format";
import { reveal } from "@/kit/text/Untrusted";
import { href } from "@/kit/url";
import { Button } from "@/kit/ui/Button";
import { Card, PageHeader } from "@/kit/ui/Card";
import { StateChip, VerdictChip } from "@/kit/ui/Chip";
import { EmptyState, ErrorBox, Skeleton } from "@/kit/ui/Moments";

import { answeredBy, findingOf } from "./found";
import { Judgings } from "./Judgings";
import { useComparisons, useEvaluations, useSuites } from "./queries";

const CompareDialog = dynamic(() => import("./CompareDialog").then((module) => module.CompareDialog), { ssr: false });
const EvaluateDialog = dynamic(() => import("./EvaluateDialog").then((module) => module.EvaluateDialog), { ssr: false });

export function Evaluations() {
  const [asked, setAsked] = useState<"evaluate" | "compare" | null>(null);
  const comparisons = useComparisons(), evaluations = useEvaluations(), suites = useSuites();
  const error = comparisons.error ?? evaluations.error ?? suites.error;
  const done = evaluations.data?.items.filter((each) => each.state === "succeeded") ?? [];
  const byId = new Map(evaluations.data?.items.map((each) => [each.id, each]));
  return (
    <>
      <PageHeader title="Evaluation" note="Is it better, case by case?" actions={<>
        <Button icon={Plus} onClick={() => setAsked("evaluate")}>Evaluate</Button>
        <Button kind="ink" icon={Scale} disabled={done.length < 2} reason={done.length < 2 ? "It takes two finished evaluations on one suite" : undefined} onClick={() => setAsked("compare")}>Compare</Button>
      </>} />
      {error ? <ErrorBox error={error} retry={() => { void comparisons.refetch(); void evaluations.refetch(); void suites.refetch(); }} />
        : !comparisons.data || !evaluations.data || !suites.data ? <Skeleton rows={8} />
        : suites.data.items.length === 0 ? <EmptyState icon={Scale} title="Nothing to compare" command="camel-ext suite define FILE">A suite holds cases in topics and the scorers of their answers. 120 cases would show a gain of some 20 points. An improvement makes one of its held-out goals.</EmptyState>
        : (
          <div className="space-y-3.5">
            <Card title="Comparisons" note={digits(comparisons.data.items.length)} flush>
              {comparisons.data.items.length === 0 ? <p className="px-4 pb-4">Two evaluations on the same suite make one.</p> : <ul>{comparisons.data.items.map((each) => <ComparisonRow key={each.id} each={each} baseline={byId.get(each.baseline_id)} candidate={byId.get(each.candidate_id)} />)}</ul>}
            </Card>
            <Card title="Evaluations" note={digits(evaluations.data.items.length)} flush>
              {evaluations.data.items.length === 0 ? <p className="px-4 pb-4">None yet: one target answers all cases of a suite.</p> : <ul>{evaluations.data.items.map((each) => <EvaluationRow key={each.id} each={each} />)}</ul>}
            </Card>
            <div className="grid gap-3.5 lg:grid-cols-2">
              <Suites suites={suites.data.items} />
              <Judgings done={done} />
            </div>
          </div>
        )}
      {asked === "evaluate" && <EvaluateDialog onClose={() => setAsked(null)} />}
      {asked === "compare" && <CompareDialog done={done} onClose={() => setAsked(null)} />}
    </>
  );
}

const ROW = "grid grid-cols-[auto_1fr] items-center gap-x-4 gap-y-1 px-4 py-2.5 hover:bg-hover";

function ComparisonRow({ each, baseline, candidate }: { each: ComparisonShown; baseline: EvaluationShown | undefined; candidate: EvaluationShown | undefined }) {
  const finding = findingOf(each);
  return (
    <li className="border-t border-border">
      <Link href={href("/evaluation/comparison", { id: each.id })} className={`${ROW} md:grid-cols-[9rem_minmax(0,1fr)_15rem_11rem_6rem]`}>
        <span><VerdictChip verdict={each.verdict} more={finding.about_n_more} /></span>
        <span className="min-w-0"><span className="block truncate font-[550] text-text">{candidate && baseline ? `${reveal(answeredBy(candidate))} against ${reveal(answeredBy(baseline))}` : reveal(finding.primary)}</span><span className="block truncate text-text-3">{reveal(candidate?.suite ?? "")} · by {reveal(finding.primary)}</span></span>
        <span className="nums max-md:col-span-2"><strong>{points(each.effect)} points</strong><span className="block text-xs text-text-3">{intervalText(each.low, each.high, each.level)}, n = {digits(each.n)}</span></span>
        <Interval compact className="max-md:col-span-2" effect={each.effect} low={each.low} high={each.high} needed={finding.needed} level={each.level} n={each.n} ticks={[-1, 0, 1]} />
        <span className="nums text-text-3 max-md:col-span-2 md:text-right">{clockTime(each.created_at)}</span>
      </Link>
    </li>
  );
}

function EvaluationRow({ each }: { each: EvaluationShown }) {
  const means = Object.entries(each.means as Record<string, number>).filter(([name]) => !["latency_ms", "completion_tokens", "cost_usd_micros", "error"].includes(name));
  return (
    <li className="border-t border-border">
      <Link href={href("/evaluation/evaluation", { id: each.id })} className={`${ROW} md:grid-cols-[8rem_minmax(0,1fr)_18rem_8rem]`}>
        <span><StateChip state={each.state} /></span>
        <span className="min-w-0"><span className="block truncate font-[550] text-text">{reveal(each.target)} <span className="font-normal text-text-3">by {reveal(answeredBy(each))}</span></span><span className="block truncate text-text-3">{reveal(each.suite)} · seed {each.seed}</span></span>
        <span className="nums max-md:col-span-2">{means.length > 0 ? means.map(([name, mean]) => `${reveal(name)} ${percent(mean, 1)}`).join(", ") : `${digits(each.done)} of ${digits(each.total)}${each.failed > 0 ? `, ${digits(each.failed)} failed` : ""}`}</span>
        <span className="nums text-text-3 max-md:col-span-2 md:text-right">{clockTime(each.created_at)}</span>
      </Link>
    </li>
  );
}

function Suites({ suites }: { suites: readonly SuiteShown[] }) {
  return (
    <Card title="Suites" note={digits(suites.length)} flush>
      <ul>{suites.map((each) => <li key={each.id} className="border-t border-border"><Link href={href("/evaluation/suite", { name: each.name })} className="block px-4 py-2 hover:bg-hover"><span className="font-[550] text-text">{reveal(each.name)}</span><span className="block truncate text-text-3">{reveal(each.description)}</span></Link></li>)}</ul>
    </Card>
  );
}
