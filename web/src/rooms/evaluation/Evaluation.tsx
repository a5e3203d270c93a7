/** One evaluation: how far it is, what it found, and each case with its answer and scores. */
"use client";

import { OctagonX } from "lucide-react";
import { useState } from "react";

import type { CaseShown } from "@/kit/api/schema";
import { cost, digits, duration, percent, tokens } from "@/kit/format/format";
import { measured, railName } from "@/kit/format/measures";
import { reveal, Untrusted } from "@/kit/text/Untrusted";
import { useUrl } from "@/kit/url";
import { Button } from "@/kit/ui/Button";
import { Card, FigureStrip, PageHeader } from "@/kit/ui/Card";
import { StateChip, StateIcon } from "@/kit/ui/Chip";
import { Dialog } from "@/kit/ui/Dialog";
import { SelectField } from "@/kit/ui/Field";
import { ErrorBox, Skeleton } from "@/kit/ui/Moments";
import { Unnamed } from "@/kit/ui/Unnamed";

import { answeredBy } from "./found";
import { answerText, goalOf, right, type Scorer, scoreOf, type SuiteCase } from "./pairing";
import { isOpen, useCancel, useCases, useEvaluation, useSuiteVersion } from "./queries";

const SHOWN = 100;

export function Evaluation() {
  const { get, set } = useUrl();
  const id = get("id");
  const { data, error, refetch } = useEvaluation(id);
  const open = data ? isOpen(data.state) : false;
  const cases = useCases(id, open);
  const suite = useSuiteVersion(data?.suite_version_id).data;
  const cancel = useCancel(id ?? "");
  const [asking, setAsking] = useState(false);
  const [most, setMost] = useState(SHOWN);
  if (!id) return <Unnamed what="evaluation" list="/evaluation" word="Evaluation" />;
  if (error) return <ErrorBox error={error} retry={() => void refetch()} />;
  if (!data) return <Skeleton rows={10} />;
  const asked = new Map((suite?.cases as unknown as SuiteCase[] | undefined)?.map((each) => [each.id, goalOf(each.input)]));
  const scorers = (suite?.scorers as unknown as Scorer[] | undefined) ?? [];
  const fails = get("fails");
  const rows = (cases.data ?? []).filter((each) => !fails || (fails === "error" ? each.error_code !== null : each.state === "succeeded" && scorers.some((scorer) => scorer.name === fails && !right(each, scorer))));
  const means = Object.entries(data.means as Record<string, number>);
  return (
    <>
      <PageHeader state={<StateChip state={data.state} />} title={`${reveal(data.target)} by ${reveal(answeredBy(data))}`} note={`${reveal(data.suite)}@${suite?.number ?? "…"}, seed ${data.seed}, ${data.parallel} at a time`}
        actions={open ? <Button kind="danger" icon={OctagonX} onClick={() => setAsking(true)}>Cancel</Button> : null} />
      <div className="space-y-3">
        <FigureStrip figures={[
          { label: "Cases", value: `${digits(data.done)} of ${digits(data.total)}`, note: data.reused > 0 ? `${digits(data.reused)} answered before` : undefined },
          { label: "Without an answer", value: digits(data.failed) },
          { label: "Tokens", value: tokens(data.prompt_tokens, data.completion_tokens) },
          { label: "Cost", value: cost(data.cost_usd_micros) },
          { label: "Took", value: data.started_at && data.finished_at ? duration((new Date(data.finished_at).getTime() - new Date(data.started_at).getTime()) / 1000) : "–" },
        ]} />
        {data.error_code && <p role="alert" className="rounded-card border border-failed p-4 text-text">{reveal(data.error_detail ?? "")} <span className="font-mono text-xs text-text-3">{data.error_code}</span></p>}
        {means.length > 0 && <p className="nums">{means.map(([name, mean]) => <span key={name} className="mr-4"><span className="text-text-3">{reveal(railName({ measure: name }))}</span> <strong>{measured(name, mean)}</strong></span>)}<span className="text-text-3">n = {digits(data.total)}</span></p>}
        <Card title="Cases" note={digits(rows.length)} flush actions={<SelectField bare label="Which cases" value={fails ?? ""} onChange={(event) => set({ fails: event.target.value || null })} options={[{ value: "", label: "All" }, ...scorers.map(({ name }) => ({ value: name, label: `Fails ${name}` })), { value: "error", label: "Has no answer" }]} />}>
          {cases.error ? <div className="p-4"><ErrorBox error={cases.error} /></div> : (
            <ul>
              {rows.slice(0, most).map((each) => <CaseRow key={each.case_id} each={each} goal={asked.get(each.case_id) ?? each.case_id} scorers={scorers} />)}
              {rows.length > most && <li className="border-t border-border p-3 text-center"><Button onClick={() => setMost(most + SHOWN)}>Show {digits(Math.min(SHOWN, rows.length - most))} more of {digits(rows.length)}</Button></li>}
            </ul>
          )}
        </Card>
      </div>
      {asking && (
        <Dialog open onClose={() => setAsking(false)} title="Cancel the evaluation?" actions={<>
          <Button onClick={() => setAsking(false)}>Let it go on</Button>
          <Button kind="danger-fill" busy={cancel.isPending} onClick={() => cancel.mutate(undefined, { onSuccess: () => setAsking(false) })}>Cancel it</Button>
        </>}><p>What it found stays, and equal answers need not be asked for again.</p>{cancel.error && <ErrorBox error={cancel.error} />}</Dialog>
      )}
    </>
  );
}

function CaseRow({ each, goal, scorers }: { each: CaseShown; goal: string; scorers: readonly Scorer[] }) {
  return (
    <li className="grid grid-cols-[auto_1fr] gap-x-3 gap-y-1 border-t border-border px-4 py-2 md:grid-cols-[auto_14rem_1fr_12rem]">
      <StateIcon state={each.state} />
      <div className="min-w-0"><Untrusted text={goal} className="line-clamp-2 font-[550] text-text" /><span className="text-xs text-text-3">{reveal(each.topic)}</span></div>
      <div className="max-md:col-start-2">{each.error_detail ? <span className="text-failed">{reveal(each.error_detail)}</span> : <Untrusted text={answerText(each.answer)} className="line-clamp-3" />}</div>
      <ul className="max-md:col-start-2">
        {scorers.map((scorer) => {
          const { name } = scorer;
          const found = scoreOf(each, name);
          return found && <li key={name} className="flex justify-between gap-2" title={reveal(found.reason ?? "")}><span className="truncate text-text-3">{reveal(name)}</span><span className={`nums ${right(each, scorer) ? "text-succeeded" : "text-failed"}`}>{found.score === 1 ? "pass" : found.score === 0 ? "fail" : percent(found.score)}</span></li>;
        })}
      </ul>
    </li>
  );
}
