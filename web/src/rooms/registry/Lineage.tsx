/** From an answer down to who judged: answers < version < training < pairs < judges and runs. */
"use client";

import { Box, Database, Dumbbell, Layers, type LucideIcon, PenLine, ScrollText } from "lucide-react";
import Link from "next/link";

import type { TrainingShown } from "@/kit/api/schema";
import { type Named, useVersions } from "@/kit/api/versions";
import { clockTime, count, duration, shortId } from "@/kit/format/format";
import { Preview } from "@/kit/text/Preview";
import { Untrusted } from "@/kit/text/Untrusted";
import { ErrorBox, Skeleton } from "@/kit/ui/Moments";
import { href } from "@/kit/url";

import { useAnswersOf, usePairsLineage, usePrincipals } from "./queries";

const link = "inline-block min-h-6 leading-6 text-accent"; // a target of 24 px
const UUID = /^[0-9a-f-]{36}$/;

export function Lineage({ found, training, error, loading }: { found: Named; training: TrainingShown | null | undefined; error: unknown; loading: boolean }) {
  const { named } = useVersions();
  const isAdapter = found.model.kind === "adapter";
  const answers = useAnswersOf(found.id, isAdapter);
  const pairs = usePairsLineage(training?.dataset_version_id);
  const whoIs = usePrincipals();
  const base = named(found.version.base_version_id);
  const judges = pairs.data?.sources.filter((each) => each.kind !== "run") ?? [];
  const failed = error ?? answers.error ?? pairs.error;
  return (
    <>
      <ol className="space-y-0">
        <Step icon={ScrollText} title="Answers">
          {!answers.data ? <Skeleton rows={1} /> : answers.data.items.length === 0 ? <p>It has not answered yet.</p> : (
            <ul>{answers.data.items.map((turn) => <li key={turn.id} className="flex gap-2 leading-6"><time className="nums shrink-0 text-text-3">{clockTime(turn.created_at)}</time><Link href={href("/interactions/turn", { id: turn.id })} className={`truncate ${link}`}><Preview text={turn.answer_preview || turn.prompt_preview} /></Link></li>)}</ul>
          )}
          <Link className={link} href={href("/interactions", { q: `${isAdapter ? "adapter" : "model"}:${found.name}` })}>All its answers</Link>
        </Step>
        <Step icon={isAdapter ? Layers : Box} title={isAdapter ? "were given by this adapter" : "were given by this model"}>
          <p className="font-[550] text-text">{found.name}</p>
          {base && <p>on <Link className={link} href={href("/registry", { version: base.id })}>{base.name}</Link></p>}
        </Step>
        {loading && <Skeleton rows={2} />}
        {isAdapter && !loading && training === null && <Step icon={Dumbbell} title="that was registered as a file"><p>No training of this project made it, so nothing is known of its pairs.</p></Step>}
        {training && (
          <>
            <Step icon={Dumbbell} title="that a training made">
              <p><Link className={link} href={href("/training", { id: training.id })}>{training.name}, preset {training.preset}</Link>, seed {training.seed}</p>
              <p className="nums text-text-3">{clockTime(training.finished_at)}{training.started_at && training.finished_at ? `, in ${duration((Date.parse(training.finished_at) - Date.parse(training.started_at)) / 1000)}` : ""}, asked for by {whoIs(training.principal_id) ?? shortId(training.principal_id)}</p>
            </Step>
            <Step icon={Database} title="out of pairs">
              <p><Link className={link} href={href("/datasets", { version: training.dataset_version_id })}>{training.dataset}</Link>{pairs.data && <span className="nums">: {count(pairs.data.pairs)} pairs of {count(pairs.data.interactions)} answers in {count(pairs.data.runs)} runs</span>}</p>
            </Step>
            <Step icon={PenLine} title="that these judged" last>
              {!pairs.data ? <Skeleton rows={1} /> : (
                <ul>{judges.map((judge) => <li key={`${judge.kind}${judge.ref}`} className="flex gap-2"><Untrusted inline text={(UUID.test(judge.ref) ? whoIs(judge.ref) : null) ?? judge.label} className="font-[550] text-text" /><span className="text-text-3">{judge.kind}</span><span className="nums ml-auto">{count(judge.pairs)} pairs</span></li>)}</ul>
              )}
              {pairs.data && <p className="nums text-text-3">{count(pairs.data.annotations)} judgements in all</p>}
            </Step>
          </>
        )}
      </ol>
      {failed ? <ErrorBox error={failed} title="Not all of it is known" /> : null}
    </>
  );
}

function Step({ icon: Icon, title, children, last = false }: { icon: LucideIcon; title: string; children: React.ReactNode; last?: boolean }) {
  return (
    <li className="relative flex gap-3 pb-5">
      {!last && <span aria-hidden className="absolute top-8 bottom-0 left-[13px] border-l border-border-strong/50" />}
      <span className="flex size-7 shrink-0 items-center justify-center rounded-full border border-border bg-subtle text-text-3"><Icon aria-hidden size={14} strokeWidth={1.75} /></span>
      <div className="min-w-0 flex-1 space-y-0.5"><h3 className="text-xs text-text-3">{title}</h3>{children}</div>
    </li>
  );
}
