/** Goal by goal: how many were kept, fixed, broken, and the ones that are worth reading. */
import clsx from "clsx";
import { ArrowRight } from "lucide-react";
import Link from "next/link";

import { Histogram } from "@/kit/charts/Histogram";
import { digits, points } from "@/kit/format/format";
import { reveal, Untrusted } from "@/kit/text/Untrusted";
import { href } from "@/kit/url";
import { Card } from "@/kit/ui/Card";

import type { Evidence, Example, Topic } from "./evidence";

export function GoalByGoal({ shown }: { shown: Evidence }) {
  const compare = (show: string) => href("/evaluation/comparison", { id: shown.comparison_id, show });
  return (
    <section aria-labelledby="goals" className="min-w-0">
      <h2 id="goals">Goal by goal <span className="font-normal text-text-3">n = {digits(shown.n)}, paired</span></h2>
      <div className="mt-2 grid grid-cols-[auto_minmax(0,1fr)_minmax(0,1fr)] items-center gap-1.5 whitespace-nowrap">
        <span /><span className="text-text-3">After: pass</span><span className="text-text-3">After: fail</span>
        <span className="pr-1 text-text-3">Before: pass</span><Cell href={compare("kept")} value={shown.kept} word="kept" /><Cell href={compare("broken")} value={shown.broken} word="broken" tone="failed" />
        <span className="pr-1 text-text-3">Before: fail</span><Cell href={compare("fixed")} value={shown.fixed} word="fixed" tone="succeeded" /><Cell href={compare("wrong")} value={shown.still_wrong} word="still wrong" />
      </div>
      <Link href={compare("broken")} className="mt-2 inline-flex items-center gap-1 text-accent">
        {shown.broken > 0 ? `Read the ${digits(shown.broken)} broken ${shown.broken === 1 ? "goal" : "goals"}` : "Read all goals"} <ArrowRight aria-hidden size={14} />
      </Link>
    </section>
  );
}

function Cell({ value, word, tone, href: to }: { value: number; word: string; tone?: "failed" | "succeeded"; href: string }) {
  const loud = value > 0 ? tone : undefined;
  return (
    <Link href={to} className={clsx("block rounded-[6px] px-2.5 py-1.5 whitespace-nowrap hover:opacity-80", loud === "failed" ? "bg-failed-soft text-failed" : loud === "succeeded" ? "bg-succeeded-soft text-succeeded" : "bg-sunken text-text-2")}>
      <strong className={clsx("nums block text-fig", loud && "text-current")}>{digits(value)}</strong>{word}
    </Link>
  );
}

export function GainByTopic({ topics }: { topics: readonly Topic[] }) {
  const sorted = [...topics].sort((a, b) => b.gain - a.gain);
  const same = topics.filter((each) => each.gain === 0).length;
  const lost = topics.filter((each) => each.gain < 0);
  const size = topics[0]?.n ?? 0;
  return (
    <section aria-labelledby="topics">
      <h2 id="topics">Gain by topic <span className="font-normal text-text-3">{digits(topics.length)} topics{topics.every((each) => each.n === size) ? ` of ${size} goals` : ""}, in points; {same} unchanged, {lost.length} lost{lost.length > 0 ? `: ${lost.slice(0, 3).map((each) => reveal(each.topic)).join(", ")}` : ""}</span></h2>
      <div className="mt-2"><Histogram label="Gain by topic, in points" signed height={72} bars={sorted.map((each) => ({ label: `${reveal(each.topic)}, ${each.n} goals`, value: each.gain }))} format={(value) => points(value, 0)} /></div>
    </section>
  );
}

export function Examples({ shown }: { shown: Evidence }) {
  return (
    <div className="grid gap-3.5">
      <ExampleList id="broken" title="Broken goals" total={shown.broken} examples={shown.examples.broken} />
      <ExampleList id="fixed" title="Fixed goals" total={shown.fixed} examples={shown.examples.fixed} />
    </div>
  );
}

function ExampleList({ id, title, total, examples }: { id: string; title: string; total: number; examples: readonly Example[] }) {
  if (examples.length === 0) return null;
  return (
    <Card title={<span id={id} tabIndex={-1} className="scroll-mt-4 outline-none">{title}</span>} note={`${examples.length} of ${digits(total)}`} flush>
      <p aria-hidden className="grid gap-x-5 px-4 pb-1 text-xs text-text-3 max-md:hidden md:grid-cols-[12rem_1fr_1fr]"><span>Goal</span><span>Before</span><span>After</span></p>
      <ul>
        {examples.map((each, at) => (
          <li key={at} className="grid gap-x-5 gap-y-1 border-t border-border px-4 py-2.5 first:border-0 md:grid-cols-[12rem_1fr_1fr]">
            <Untrusted text={each.goal} className="font-[550] text-text" />
            <Answer label="Before" text={each.before} /><Answer label="After" text={each.after} />
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Answer({ label, text }: { label: string; text: string }) {
  return <div><span className="text-xs text-text-3 md:sr-only">{label}</span>{text ? <Untrusted text={text} className="line-clamp-4" /> : <span className="text-text-3">no answer</span>}</div>;
}
