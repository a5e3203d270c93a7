/** What judges said who saw both answers: whom they prefer, and whether the order turned their heads. */
"use client";

import { Gavel } from "lucide-react";
import dynamic from "next/dynamic";
import { useState } from "react";

import type { EvaluationShown, JudgingShown } from "@/kit/api/schema";
import { digits, percent } from "@/kit/format/format";
import { reveal } from "@/kit/text/Untrusted";
import { Button } from "@/kit/ui/Button";
import { Card } from "@/kit/ui/Card";
import { StateChip } from "@/kit/ui/Chip";
import { ErrorBox } from "@/kit/ui/Moments";

import { leaningOf, tallyOf } from "./leaning";
import { isOpen, useJudgings, useStopJudging } from "./queries";

const JudgeDialog = dynamic(() => import("./JudgeDialog").then((module) => module.JudgeDialog), { ssr: false });

export function Judgings({ done }: { done: EvaluationShown[] }) {
  const { data, error, refetch } = useJudgings();
  const [asking, setAsking] = useState(false);
  const few = done.length < 2;
  return (
    <Card title="Judgings" note="a model prefers one of two answers" flush actions={<Button icon={Gavel} disabled={few} reason={few ? "It takes two finished evaluations on one suite" : undefined} onClick={() => setAsking(true)}>Ask a judge</Button>}>
      {error ? <div className="p-4"><ErrorBox error={error} retry={() => void refetch()} /></div>
        : data?.items.length === 0 ? <p className="px-4 pb-4">None yet.</p>
        : <ul>{data?.items.map((each) => <Judging key={each.id} each={each} />)}</ul>}
      {asking && <JudgeDialog done={done} onClose={() => setAsking(false)} />}
    </Card>
  );
}

/** The judges of one comparison, beside it. */
export function Judges({ baseline, candidate }: { baseline: EvaluationShown; candidate: EvaluationShown }) {
  const { data } = useJudgings();
  const [asking, setAsking] = useState(false);
  const ours = data?.items.filter((each) => each.baseline_id === baseline.id && each.candidate_id === candidate.id) ?? [];
  return (
    <section aria-labelledby="judges">
      <header className="flex items-center gap-2"><h2 id="judges">Judges</h2><Button kind="quiet" icon={Gavel} className="ml-auto px-2" onClick={() => setAsking(true)}>Ask a judge</Button></header>
      {ours.length === 0 ? <p className="mt-1">No judge has seen both answers.</p> : <ul className="mt-1 rounded-card border border-border">{ours.map((each) => <Judging key={each.id} each={each} />)}</ul>}
      {asking && <JudgeDialog done={[candidate, baseline]} onClose={() => setAsking(false)} />}
    </section>
  );
}

function Judging({ each }: { each: JudgingShown }) {
  const stop = useStopJudging();
  const tally = tallyOf(each), leaning = leaningOf(each);
  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-1 border-t border-border px-4 py-2 first:border-0">
      <StateChip state={each.state} /><span className="font-[550] text-text">{reveal(each.scorer)}</span>
      {isOpen(each.state) && <Button kind="quiet" className="ml-auto h-7 px-2" busy={stop.isPending} onClick={() => stop.mutate(each.id)}>Stop</Button>}
      <span className="nums basis-full text-text-3">{digits(each.done)} of {digits(each.total)} pairs{each.done > 0 && `: ${digits(tally.better)} better, ${digits(tally.worse)} worse, ${digits(tally.neither)} neither`}{tally.unread > 0 && `, ${digits(tally.unread)} not read`}{leaning !== null && `; both orders agree in ${percent(leaning)}`}</span>
      {each.error_detail && <span className="basis-full text-failed">{reveal(each.error_detail)} <span className="font-mono text-xs">{each.error_code}</span></span>}
      {stop.error && <ErrorBox error={stop.error} />}
    </li>
  );
}
