/** Build a dataset: which answers, by which rules; what would come of it stands beside while you choose. */
"use client";

import { Hammer } from "lucide-react";
import { useRouter } from "next/navigation";
import { useEffect, useState } from "react";

import type { DatasetBuild } from "@/kit/api/schema";
import { AnswersFilter, answersOf, sourceOf } from "@/kit/filter/AnswersFilter";
import { digits } from "@/kit/format/format";
import { href, useUrl } from "@/kit/url";
import { Button } from "@/kit/ui/Button";
import { Card, PageHeader } from "@/kit/ui/Card";
import { TextField } from "@/kit/ui/Field";
import { ErrorBox, Skeleton } from "@/kit/ui/Moments";
import { say } from "@/kit/ui/Toast";

import { useBuild, usePreview, useVersion, type Version } from "./queries";
import { RuleFields } from "./RuleFields";
import { FIRST, type Rules, rulesOf } from "./rules";
import { Spreads } from "./Statistics";
import { Yields } from "./Yields";

const PAUSE_MS = 400;
const NAME = /^[a-z0-9][a-z0-9_-]*$/;

/** The version that is built anew, where the address names one, gives its rules to begin with. */
export function Build() {
  const { get } = useUrl();
  const like = get("like") ?? "";
  const base = useVersion(like);
  if (base.error) return <div className="py-6"><ErrorBox error={base.error} retry={() => void base.refetch()} /></div>;
  if (like !== "" && !base.data) return <Skeleton rows={8} label="Loading the rules" />;
  return <Wizard base={base.data} name={get("name") ?? ""} />;
}

function Wizard({ base, name: first }: { base: Version | undefined; name: string }) {
  const router = useRouter();
  const build = useBuild();
  const [name, setName] = useState(first);
  const [source, setSource] = useState(() => sourceOf(base?.wanted ?? {}));
  const [without, setWithout] = useState(() => ({ exclude_runs: base?.exclude_runs ?? [], exclude_judges: base?.exclude_judges ?? [] }));
  const [rules, setRules] = useState<Rules>(() => (base ? { ...FIRST, ...base.rules } : FIRST) as Rules);
  const filter = answersOf(source);
  const wanted = filter && ({ name: NAME.test(name) ? name : "preview", filter, rules: rulesOf(rules), ...without, at_most: 20_000 } as DatasetBuild);
  const settled = useSettled(wanted ? JSON.stringify({ ...wanted, name: "preview" }) : null);
  const preview = usePreview(settled ? (JSON.parse(settled) as DatasetBuild) : null);
  const wrong = name !== "" && !NAME.test(name) ? "Small letters, digits, - and _" : null;
  const pairs = preview.data?.pairs ?? 0;
  const submit = () => wanted && build.mutate(wanted, { onSuccess: (version) => { say(`${version.dataset}@${version.number} is being built`); router.push(href("/datasets/dataset", { name: version.dataset, version: version.number })); } });
  const why = name === "" ? "It needs a name" : !filter ? "Mend the filter" : pairs === 0 ? "Not one pair would come of it" : undefined;
  return (
    <>
      <PageHeader title="Build a dataset" note="Nothing is kept until you build" actions={<Button kind="ink" icon={Hammer} busy={build.isPending} disabled={why !== undefined || wrong !== null} reason={why} onClick={submit}>{pairs > 0 ? `Build ${digits(pairs)} pairs` : "Build"}</Button>} />
      {build.error && <div className="mb-4"><ErrorBox error={build.error} /></div>}
      <div className="grid items-start gap-4 xl:grid-cols-[1fr_460px]">
        <div className="min-w-0 space-y-4">
          <Card title="Which answers">
            <div className="space-y-3">
              <TextField label="Name of the dataset" value={name} error={wrong} help="Where there is one of this name, this becomes its next version" onChange={(event) => setName(event.target.value)} className="max-w-sm" />
              <AnswersFilter label="Judged answers" source={source} onChange={setSource} />
              {base && base.wanted === null && <p className="text-attention">{base.dataset}@{base.number} was made {base.origin === "imported" ? "of a file" : `of ${digits(base.at_most)} answers that were named one by one`}; by a filter others come in.</p>}
              {without.exclude_runs.length + without.exclude_judges.length > 0 && (
                <p className="flex flex-wrap items-center gap-2">Without {without.exclude_judges.map((each) => `“${each}”`).join(", ")}{without.exclude_judges.length > 0 && without.exclude_runs.length > 0 && " and "}{without.exclude_runs.length > 0 && `${digits(without.exclude_runs.length)} runs`}, as in @{base?.number}.
                  <Button kind="quiet" className="px-2" onClick={() => setWithout({ exclude_runs: [], exclude_judges: [] })}>Take them in again</Button></p>
              )}
              <p className="text-text-3">Only answers of purpose run or sample are learnt from, never those of an examination.</p>
            </div>
          </Card>
          <Card title="Rules"><RuleFields rules={rules} onChange={setRules} /></Card>
        </div>
        <aside aria-label="What would come of it" className="space-y-4 xl:sticky xl:top-0" aria-busy={preview.isFetching}>
          {preview.error ? <ErrorBox error={preview.error} retry={() => void preview.refetch()} />
            : !preview.data ? <Skeleton rows={6} label="Counting pairs" />
            : (
              <div className={preview.isPlaceholderData ? "space-y-4 opacity-60" : "space-y-4"}>
                <Card>
                  <p role="status" className="nums text-text-2"><span className="mr-1.5 text-xl font-semibold text-text">{digits(pairs)}</span> {pairs === 1 ? "pair" : "pairs"}{pairs > 0 && `, ${digits(Number(preview.data.statistics.pairs_train))} to learn from, ${digits(Number(preview.data.statistics.pairs_eval))} held out`}{!preview.data.whole && `; of the newest ${digits(preview.data.looked_at)} answers`}</p>
                  {preview.data.why_none && <p className="mt-2">{preview.data.why_none}</p>}
                  <div className="mt-3"><Yields found={preview.data.statistics.found as never} pairs={pairs} /></div>
                </Card>
                {preview.data.warnings.length > 0 && <ul aria-label="Warnings" className="space-y-1 rounded-card bg-attention-soft px-4 py-2 text-attention">{preview.data.warnings.map((warning) => <li key={warning.code}>{warning.words[0]?.toUpperCase()}{warning.words.slice(1)}</li>)}</ul>}
                {pairs > 0 && <Spreads numbers={preview.data.statistics} />}
              </div>
            )}
        </aside>
      </div>
    </>
  );
}

/** A value once it has rested: what is typed is not asked for letter by letter. */
function useSettled<T>(value: T): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}
