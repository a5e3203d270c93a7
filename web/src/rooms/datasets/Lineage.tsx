/** What a version rests on: choose runs or judges, see what goes with them, build the next version without them. */
"use client";

import { Scissors } from "lucide-react";
import { useRouter } from "next/navigation";
import { useState } from "react";

import type { SourceShown } from "@/kit/api/schema";
import { digits } from "@/kit/format/format";
import { Untrusted } from "@/kit/text/Untrusted";
import { href } from "@/kit/url";
import { Button } from "@/kit/ui/Button";
import { Card, FigureStrip } from "@/kit/ui/Card";
import { Dialog } from "@/kit/ui/Dialog";
import { ErrorBox, Skeleton } from "@/kit/ui/Moments";
import { say } from "@/kit/ui/Toast";

import { useBlast, useBuildWithout, useLineage, useTouched, type Version } from "./queries";

const AT_ONCE = 200;

export function Lineage({ version }: { version: Version }) {
  const router = useRouter();
  const lineage = useLineage(version.id);
  const [gone, setGone] = useState<ReadonlySet<string>>(new Set());
  const [asking, setAsking] = useState(false);
  const build = useBuildWithout(version.id);
  const sources = lineage.data?.sources ?? [];
  const chosen = sources.filter((each) => gone.has(keyOf(each)));
  const body = { run_ids: chosen.filter((each) => each.kind === "run").map((each) => each.ref), judges: chosen.filter((each) => each.kind === "judge").map((each) => each.ref) };
  const blast = useBlast(version.id, body);
  const touched = useTouched(chosen[0]?.kind ?? "run", chosen.length === 1 ? chosen[0]!.ref : "");
  if (lineage.error) return <ErrorBox error={lineage.error} retry={() => void lineage.refetch()} />;
  if (!lineage.data) return <Skeleton rows={6} label="Tracing" />;
  const { pairs, interactions, annotations, runs } = lineage.data;
  const toggle = (source: SourceShown) => setGone((now) => { const next = new Set(now); if (!next.delete(keyOf(source))) next.add(keyOf(source)); return next; });
  const others = (touched.data ?? []).filter((each) => each.version_id !== version.id);
  return (
    <>
      <FigureStrip figures={[{ label: "Pairs", value: digits(pairs) }, { label: "rest on answers", value: digits(interactions) }, { label: "of runs", value: digits(runs) }, { label: "and judgements", value: digits(annotations) }]} />
      <div className="sticky top-0 z-10 flex min-h-12 flex-wrap items-center gap-x-4 gap-y-2 rounded-card border border-border bg-subtle px-4 py-2" role="status">
        {chosen.length === 0 ? "Choose runs or judges to see what would go with them."
          : blast.error ? <ErrorBox error={blast.error} />
          : !blast.data ? "Counting"
          : <span className="nums"><strong>{digits(blast.data.touched)}</strong> of {digits(blast.data.pairs)} pairs would go ({digits(blast.data.touched_train)} to learn from, {digits(blast.data.touched_eval)} held out); <strong>{digits(blast.data.left)}</strong> stay.
              {blast.data.topics_lost.length > 0 && <> Topics lost: <Untrusted inline text={blast.data.topics_lost.slice(0, 5).join(", ")} />.</>}
              {others.length > 0 && ` Also in ${others.map((each) => `${each.dataset}@${each.number}`).join(", ")}.`}</span>}
        <Button icon={Scissors} className="ml-auto" disabled={chosen.length === 0 || !blast.data || blast.data.left === 0} reason={blast.data?.left === 0 ? "Nothing would be left" : undefined} onClick={() => setAsking(true)}>Build without them</Button>
      </div>
      <div className="grid gap-4 lg:grid-cols-2">
        {(["judge", "run"] as const).map((kind) => <Sources key={kind} title={kind === "judge" ? "Judges" : "Runs"} sources={sources.filter((each) => each.kind === kind)} gone={gone} toggle={toggle} />)}
      </div>
      {asking && blast.data && (
        <Dialog open onClose={() => setAsking(false)} title={`Build ${version.dataset} without ${chosen.length === 1 ? "it" : "these"}?`} actions={<><Button onClick={() => setAsking(false)}>Cancel</Button><Button kind="ink" busy={build.isPending} onClick={() => build.mutate(body, { onSuccess: (next) => { say(`${next.dataset}@${next.number} is being built`); router.push(href("/datasets/dataset", { name: next.dataset, version: next.number })); } })}>Build the next version</Button></>}>
          <p>{digits(blast.data.touched)} pairs go, {digits(blast.data.left)} stay on their sides. {version.dataset}@{version.number} stays as it is: what was trained on it must remain explainable.</p>
          {build.error && <ErrorBox error={build.error} />}
        </Dialog>
      )}
    </>
  );
}

function keyOf(source: SourceShown): string {
  return `${source.kind} ${source.ref}`;
}

function Sources({ title, sources, gone, toggle }: { title: string; sources: SourceShown[]; gone: ReadonlySet<string>; toggle: (source: SourceShown) => void }) {
  const [shown, setShown] = useState(50);
  if (sources.length === 0) return null;
  return (
    <Card title={title} note={digits(sources.length)} flush>
      <ul className="divide-y divide-border">
        {sources.slice(0, shown).map((source) => (
          <li key={source.ref}>
            <label className="flex min-h-9 items-center gap-3 px-4 hover:bg-hover max-md:min-h-11"><input type="checkbox" checked={gone.has(keyOf(source))} onChange={() => toggle(source)} className="size-4 accent-accent" />
              <span className="min-w-0 flex-1 truncate text-text"><Untrusted inline text={source.label} /></span><span className="nums text-text-3">{digits(source.pairs)} pairs</span></label>
          </li>
        ))}
      </ul>
      {sources.length > shown && <Button kind="quiet" className="m-2" onClick={() => setShown(shown + AT_ONCE)}>{digits(sources.length - shown)} more</Button>}
    </Card>
  );
}
