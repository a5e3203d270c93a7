/** The latest verdict with its interval, to scale, and one plain sentence. */
"use client";


import type { Overview } from "@/kit/api/overview";
import { Interval, levelText } from "@/kit/charts/Interval";
import { ago, points } from "@/kit/format/format";
import { NavLink as Link } from "@/kit/shell/NavLink";
import { Card } from "@/kit/ui/Card";
import { VerdictChip } from "@/kit/ui/Chip";
import { href } from "@/kit/url";

export function Latest({ now }: { now: Overview }) {
  const latest = now.certificates[0];
  if (!latest) {
    return <Card title="Latest certificate"><p>No verdict yet. It needs a candidate and held-out goals: <Link href="/experiments/" className="text-accent underline-offset-2 hover:underline">prove one</Link>.</p></Card>;
  }
  const { id, name, verdict, candidate, baseline, effect, interval: [low, high], level, needed, n, passed_before, passed_after, guardrails, guardrails_held, issued_at } = latest;
  const passed = passed_before !== null && passed_after !== null ? `${passed_before} → ${passed_after} of ${n} held-out goals.` : `${n} held-out goals.`;
  const held = guardrails === 0 ? "" : guardrails_held === guardrails ? ` ${guardrails} guardrails held.` : ` ${guardrails_held} of ${guardrails} guardrails held.`;
  return (
    <Card title="Latest certificate" actions={<Link href={href("/experiments/certificate", { id })} className="nums text-text-3 hover:text-text">{name}</Link>}>
      <p className="flex flex-wrap items-center gap-2"><VerdictChip verdict={verdict} /> <span>{candidate} against {baseline}</span></p>
      <p className="nums mt-2 flex items-baseline justify-between gap-3">
        <span><span className="text-[28px] leading-9 font-semibold text-text">{points(effect)}</span> points</span>
        <span className="text-right text-xs">{points(low)} to {points(high)}<span className="block text-text-3">{levelText(level)} interval, n = {n}</span></span>
      </p>
      <div className="mt-1 pl-14"><Interval effect={effect} low={low} high={high} needed={needed} level={level} n={n} /></div>
      <p className="mt-1">{passed}{held} Issued {ago(issued_at)}.</p>
    </Card>
  );
}
