/** Which held-out pairs the last look found best and worst: a bad one is often mislabelled. */
"use client";

import { short } from "@/kit/charts/scale";
import { shortId } from "@/kit/format/format";
import { Untrusted } from "@/kit/text/Untrusted";
import { Card } from "@/kit/ui/Card";
import type { PairShown, TrainingShown } from "@/kit/api/schema";

import { isOpen, useHeldOut, useMetrics } from "./queries";

interface Ranked { pair_hash: string; margin: number }

export function WorstPairs({ job, all = false }: { job: TrainingShown; all?: boolean }) {
  const looks = useMetrics(job.id, "eval", isOpen(job.state)).data ?? [];
  const pairs = useHeldOut(job.dataset_version_id).data;
  const last = looks.at(-1);
  const found = (last?.values ?? {}) as { worst?: Ranked[]; best?: Ranked[] };
  if (!last) return <Card title="Worst pairs"><p>Held-out pairs are looked at every few steps, or at the end, as `eval_every_steps` says. No look yet.</p></Card>;
  return (
    <div className="min-w-0 space-y-3">
      <Ranking title="Worst pairs" note={`at step ${last.step}, held out; margin in nats`} ranked={found.worst ?? []} pairs={pairs} whole={all} />
      {all && <Ranking title="Best pairs" note={`at step ${last.step}`} ranked={found.best ?? []} pairs={pairs} whole />}
    </div>
  );
}

function Ranking({ title, note, ranked, pairs, whole }: { title: string; note: string; ranked: readonly Ranked[]; pairs: ReadonlyMap<string, PairShown> | undefined; whole: boolean }) {
  return (
    <Card title={title} note={note} flush>
      <ul>
        {ranked.map(({ pair_hash, margin }) => {
          const pair = pairs?.get(pair_hash);
          return (
            <li key={pair_hash} className="grid grid-cols-[4rem_1fr] gap-x-3 gap-y-1 border-t border-border px-4 py-2 md:grid-cols-[4rem_1fr_1fr_1fr]">
              <span className={`nums font-[550] ${margin < 0 ? "text-failed" : "text-text"}`}>{short(margin)}</span>
              {pair ? <>
                <Clipped text={textOf(pair.prompt)} whole={whole} strong />
                <div className="max-md:col-start-2"><span className="text-xs text-text-3">chosen</span><Clipped text={textOf(pair.chosen)} whole={whole} /></div>
                <div className="max-md:col-start-2"><span className="text-xs text-text-3">rejected</span><Clipped text={textOf(pair.rejected)} whole={whole} /></div>
              </> : <span className="font-mono text-xs text-text-3">{shortId(pair_hash)}</span>}
            </li>
          );
        })}
      </ul>
    </Card>
  );
}

function Clipped({ text, whole, strong = false }: { text: string; whole: boolean; strong?: boolean }) {
  return <Untrusted text={text} className={`${whole ? "" : "line-clamp-2"} ${strong ? "text-text" : ""}`} />;
}

/** The words of the last message: what was asked, or what was answered. */
function textOf(messages: readonly unknown[]): string {
  const last = messages.at(-1) as { content?: unknown } | undefined;
  return typeof last?.content === "string" ? last.content : JSON.stringify(last?.content ?? "");
}
