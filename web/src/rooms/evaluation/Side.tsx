/** What so many cases can show and cost, and how much of its margin each guardrail's worst case uses. */
"use client";

import type { ComparisonShown, EvaluationShown, PlanAsked, PlanShown } from "@/kit/api/schema";
import { cost, digits, duration, percent, points } from "@/kit/format/format";
import { allowed, changed, type Rail, railName, used } from "@/kit/format/measures";
import { reveal } from "@/kit/text/Untrusted";
import { ErrorBox } from "@/kit/ui/Moments";

import { usePlan, useSuiteVersion } from "./queries";

const CLOSE = 0.8;

export function CanShow({ shown, candidate }: { shown: ComparisonShown; candidate: EvaluationShown | undefined }) {
  const version = useSuiteVersion(shown.suite_version_id).data;
  const models = Object.fromEntries(Object.entries((candidate?.pinned as { models?: Record<string, { version_id: string }> } | undefined)?.models ?? {}).map(([alias, { version_id }]) => [alias, version_id]));
  const asked: PlanAsked | null = candidate && version
    ? { suite: `${candidate.suite}@${version.number}`, policy: shown.policy as unknown as PlanAsked["policy"], alpha: shown.alpha, seed: candidate.seed, ...(candidate.target_kind === "workflow" ? { workflow: candidate.target, models } : { model: candidate.target }) } as PlanAsked
    : null;
  const plan = usePlan(asked);
  return (
    <section aria-labelledby="can-show">
      <h2 id="can-show">What {digits(shown.n)} cases can show</h2>
      {plan.error ? <ErrorBox error={plan.error} /> : plan.data ? <><Power plan={plan.data} />{candidate && <dl className="mt-1"><Fact name={`These ${digits(shown.n)} cases took`} value={`${tookOf(candidate)}, ${cost(candidate.cost_usd_micros)}`} /></dl>}</> : <p className="mt-1 text-text-3">Counts.</p>}
    </section>
  );
}

function tookOf({ started_at, finished_at }: EvaluationShown): string {
  return started_at && finished_at ? duration((new Date(finished_at).getTime() - new Date(started_at).getTime()) / 1000) : "–";
}

/** The chance to find a true gain of a given size; the spread comes from what was measured. */
export function Power({ plan }: { plan: PlanShown }) {
  const rows = Object.entries(plan.power_at).sort(([a], [b]) => Number(a) - Number(b));
  return (
    <>
      <p className="mt-1 text-text-3">Chance to find a true gain of that size. Spread from {reveal(plan.assumed_from)}.</p>
      <ul className="mt-2 space-y-1.5">
        {rows.map(([gain, power]) => (
          <li key={gain} className="nums grid grid-cols-[3.5rem_1fr_3rem] items-center gap-2">
            <span className="text-text-2">+{Number(gain) < 1 ? Math.round(Number(gain) * 100) : gain}</span>
            <span aria-hidden className="h-1.5 overflow-hidden rounded-full bg-sunken"><span className="block h-full bg-cat-1" style={{ width: `${power * 100}%` }} /></span>
            <span className="text-right text-text">{power.toFixed(2)}</span>
          </li>
        ))}
      </ul>
      <dl className="nums mt-3 space-y-1">
        <Fact name={`Smallest gain found ${percent(plan.power)} of the time`} value={`${points(plan.smallest_gain)} points`} />
        {plan.reusable < plan.n && <Fact name="One side takes about" value={`${plan.seconds === null ? "–" : duration(plan.seconds)}, ${plan.cost_usd_micros === null ? "cost not known" : cost(plan.cost_usd_micros)}`} />}
        <Fact name="Answered already" value={`${digits(plan.reusable)} of ${digits(plan.n)}`} />
        <Fact name="“Not worse” where nothing changed" value={percent(plan.not_worse_equal)} />
      </dl>
      {plan.guardrails.length > 0 && <p className="mt-2 text-text-3">Guardrails pass where nothing changed: {plan.guardrails.map((rail) => `${reveal(rail.measure)} ${percent(rail.passes_equal)}`).join(", ")}.</p>}
      {plan.warnings.map((warning) => <p key={warning} className="mt-2 rounded-control bg-attention-soft px-3 py-2 text-attention">{reveal(warning)}</p>)}
    </>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return <div className="flex gap-3"><dt className="text-text-3">{name}</dt><dd className="ml-auto text-right font-[550] text-text">{value}</dd></div>;
}

export function Rails({ rails }: { rails: readonly Rail[] }) {
  return (
    <section aria-labelledby="rails">
      <h2 id="rails">Guardrails</h2>
      {rails.length === 0 && <p className="mt-1">None was asked for.</p>}
      <ul className="mt-1.5 space-y-2.5">
        {rails.map((rail) => {
          const share = used(rail);
          const [tone, word] = !rail.held ? ["bg-failed", rail.broken ? "Broken, " : "Not shown, "] : share > CLOSE ? ["bg-attention", "Just held, "] : ["bg-succeeded", ""];
          return (
            <li key={rail.measure}>
              <div className="nums flex gap-2"><span className="text-text">{reveal(railName(rail))}</span><span className="ml-auto text-text-3">{word}{changed(rail.measure, rail.worst)} of {changed(rail.measure, allowed(rail))}</span></div>
              <span aria-hidden className="mt-1 block h-1 overflow-hidden rounded-full bg-sunken"><span className={`block h-full min-w-1 ${tone}`} style={{ width: `${share * 100}%` }} /></span>
            </li>
          );
        })}
      </ul>
      <p className="mt-2 text-xs text-text-3">Bar: share of the allowed margin that the worst case uses.</p>
    </section>
  );
}
