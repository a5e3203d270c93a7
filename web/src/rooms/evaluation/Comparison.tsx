/** One comparison: is it better, case by case? The verdict in a line; what broke first; both answers of the chosen case. */
"use client";

import { ArrowDown, ArrowUp, BadgeCheck, Check, type LucideIcon, X } from "lucide-react";
import Link from "next/link";
import { useMemo } from "react";

import { Interval, intervalText } from "@/kit/charts/Interval";
import { digits, points } from "@/kit/format/format";
import type { Column } from "@/kit/table/columns";
import { DataTable } from "@/kit/table/DataTable";
import { Preview } from "@/kit/text/Preview";
import { reveal } from "@/kit/text/Untrusted";
import { href, useUrl } from "@/kit/url";
import { LinkButton } from "@/kit/ui/Button";
import { PageHeader } from "@/kit/ui/Card";
import { VerdictChip } from "@/kit/ui/Chip";
import { ErrorBox, Skeleton } from "@/kit/ui/Moments";
import { Unnamed } from "@/kit/ui/Unnamed";
import type { ComparisonShown } from "@/kit/api/schema";

import { BothAnswers } from "./BothAnswers";
import { answeredBy, findingOf } from "./found";
import { answerText, counts, JUDGED_WORDS, type Kind, KINDS, type Pair, pairUp, type Said, type Scorer, type SuiteCase, why, WORDS } from "./pairing";
import { Judges } from "./Judgings";
import { useCases, useCertificateOf, useComparison, useEvaluation, useJudgings, useSuiteVersion } from "./queries";
import { CanShow, Rails } from "./Side";

export function Comparison() {
  const id = useUrl().get("id");
  const { data, error, refetch } = useComparison(id);
  if (!id) return <Unnamed what="comparison" list="/evaluation" word="Evaluation" />;
  if (error) return <ErrorBox error={error} retry={() => void refetch()} />;
  return data ? <Shown shown={data} /> : <Skeleton rows={10} />;
}

function Shown({ shown }: { shown: ComparisonShown }) {
  const baseline = useEvaluation(shown.baseline_id).data, candidate = useEvaluation(shown.candidate_id).data;
  const certificate = useCertificateOf(candidate?.target_kind === "workflow" ? candidate.target : undefined, shown.id).data;
  const finding = findingOf(shown);
  const names = { before: baseline ? reveal(answeredBy(baseline)) : "before", after: candidate ? reveal(answeredBy(candidate)) : "after" };
  return (
    <>
      <PageHeader state={<VerdictChip verdict={shown.verdict} more={finding.about_n_more} />} title={`${names.after} against ${names.before}`}
        note={`${reveal(candidate?.target ?? "")} on ${reveal(candidate?.suite ?? "")}, ${digits(shown.n)} cases in ${digits(shown.topics)} topics, paired`}
        actions={certificate ? <LinkButton kind="ink" icon={BadgeCheck} href={href("/experiments/certificate", { id: certificate })}>Open certificate</LinkButton> : null} />
      <div className="mb-3 grid items-center gap-x-6 gap-y-1 rounded-card border border-border px-4 py-2.5 md:grid-cols-[auto_16rem_1fr]">
        <p className="nums"><strong className="text-fig">{points(shown.effect)} points</strong> {intervalText(shown.low, shown.high, shown.level)}, n = {digits(shown.n)}</p>
        <Interval compact effect={shown.effect} low={shown.low} high={shown.high} needed={finding.needed} level={shown.level} n={shown.n} />
        <p className="text-text-2">{reveal(finding.reason.replace(/`([^`]*)`/g, "“$1”"))}</p>
      </div>
      <div className="flex gap-5 max-xl:flex-col">
        <div className="min-w-0 flex-1"><Cases shown={shown} names={names} /></div>
        <section aria-label="What this can show, guardrails and judges" className="shrink-0 space-y-5 xl:w-[284px] xl:border-l xl:border-border xl:pl-5">
          <CanShow shown={shown} candidate={candidate} />
          <Rails rails={finding.guardrails} />
          {baseline && candidate && <Judges baseline={baseline} candidate={candidate} />}
        </section>
      </div>
    </>
  );
}

const ICONS: Record<Kind, LucideIcon> = { broken: ArrowDown, fixed: ArrowUp, wrong: X, kept: Check };
const NO_PAIRS: Pair[] = [];

function Cases({ shown, names }: { shown: ComparisonShown; names: { before: string; after: string } }) {
  const { get, set } = useUrl();
  const before = useCases(shown.baseline_id), after = useCases(shown.candidate_id), suite = useSuiteVersion(shown.suite_version_id);
  const { primary } = findingOf(shown);
  const scorers = suite.data?.scorers as unknown as Scorer[] | undefined;
  const scorer = scorers?.find((each) => each.name === primary);
  const seesBoth = scorer?.judge?.sees === "both";
  const words = seesBoth ? JUDGED_WORDS : WORDS;
  const judging = useJudgings(seesBoth).data?.items.find((each) => each.scorer === primary && each.state === "succeeded" && each.baseline_id === shown.baseline_id && each.candidate_id === shown.candidate_id);
  const pairs = useMemo(() => (before.data && after.data && suite.data && scorer ? pairUp(before.data, after.data, suite.data.cases as unknown as SuiteCase[], scorer, judging?.found as Record<string, Said> | undefined) : NO_PAIRS), [before.data, after.data, suite.data, scorer, judging?.found]);
  const found = counts(pairs);
  const asked = get("show");
  const kind: Kind | "all" = asked === "all" || KINDS.includes(asked as Kind) ? (asked as Kind | "all") : found.broken > 0 ? "broken" : "all";
  const rows = useMemo(() => (kind === "all" ? pairs : pairs.filter((each) => each.kind === kind)), [pairs, kind]);
  const chosen = rows.find((each) => each.id === get("case")) ?? rows[0];
  const error = before.error ?? after.error ?? suite.error;
  const loading = before.isPending || after.isPending || suite.isPending;
  const columns: Column<Pair>[] = [
    { id: "goal", title: "Goal", width: 150, grow: true, cell: (pair) => <Preview text={pair.goal} className="truncate font-[550] text-text" /> },
    { id: "before", title: `Before: ${names.before}`, width: 150, grow: true, cell: (pair) => <Preview text={answerText(pair.before.answer)} className="truncate" /> },
    { id: "after", title: `After: ${names.after}`, width: 150, grow: true, cell: (pair) => <Preview text={answerText(pair.after.answer)} className="truncate" /> },
    { id: "why", title: "Why", width: 160, cell: (pair) => <Why pair={pair} primary={primary} /> },
  ];
  return (
    <>
      <nav aria-label="Cases by what became of them" className="mb-2 flex flex-wrap gap-2">
        <Filter to={href("/evaluation/comparison", { id: shown.id, show: "all" })} on={kind === "all"} word="All" value={pairs.length} />
        {KINDS.map((each) => <Filter key={each} to={href("/evaluation/comparison", { id: shown.id, show: each })} on={kind === each} icon={ICONS[each]} word={words[each]} value={found[each]} />)}
      </nav>
      {seesBoth && <p className="mb-2 text-text-2">A judge who saw both answers decided: {digits(findingOf(shown).fixed)} better, {digits(findingOf(shown).broken)} worse.</p>}
      <div className="h-64 overflow-hidden rounded-card border border-border">
        <DataTable label="Cases" columns={columns} rows={rows} rowId={(pair) => pair.id} rowLabel={(pair) => reveal(pair.goal)} loading={loading} error={error} current={chosen?.id ?? null}
          onOpen={(pair) => set({ case: pair.id })} href={(pair) => href("/evaluation/comparison", { id: shown.id, show: kind, case: pair.id })}
          compact={(pair) => ({ lead: <span className="flex gap-2"><Why pair={pair} primary={primary} bare /><Preview text={pair.goal} className="truncate" /></span>, note: <Preview text={answerText(pair.after.answer)} className="truncate" /> })}
          empty={<p className="p-4">{pairs.length === 0 ? "No case has an answer on both sides." : `No case is ${kind === "all" ? "here" : words[kind].toLowerCase()}.`}</p>} />
      </div>
      {chosen && scorers && scorer && <BothAnswers pair={chosen} names={names} scorers={scorers} primary={scorer} />}
    </>
  );
}

function Filter({ to, on, icon: Icon, word, value }: { to: string; on: boolean; icon?: LucideIcon; word: string; value: number }) {
  return (
    <Link href={to} replace scroll={false} aria-current={on ? "true" : undefined} className={`inline-flex h-8 items-center gap-1.5 rounded-control border px-3 font-[550] max-md:h-11 ${on ? "border-accent-line bg-accent-soft text-accent no-underline" : "border-border text-text hover:bg-hover"}`}>
      {Icon && <Icon aria-hidden size={14} />}{word} <span className="nums font-normal">{digits(value)}</span>
    </Link>
  );
}

function Why({ pair, primary, bare = false }: { pair: Pair; primary: string; bare?: boolean }) {
  const good = pair.kind === "fixed" || pair.kind === "kept";
  const Icon = good ? Check : X;
  return <span className={`flex min-w-0 items-center gap-1.5 ${good ? "text-succeeded" : "text-failed"}`}><Icon aria-label={good ? "right" : "wrong"} size={14} className="shrink-0" />{!bare && <Preview text={why(pair, primary)} className="truncate" />}</span>;
}
