/** Both answers to one case, word by word, and what each scorer says of each. */
"use client";

import { Check, ExternalLink, X } from "lucide-react";
import Link from "next/link";
import { useState } from "react";

import type { CaseShown } from "@/kit/api/schema";
import { duration, tokens } from "@/kit/format/format";
import { reveal, Untrusted } from "@/kit/text/Untrusted";
import { WordDiff } from "@/kit/text/WordDiff";
import { href } from "@/kit/url";
import { CheckField } from "@/kit/ui/Field";

import { answerText, type Pair, right, type Scorer, scoreOf } from "./pairing";

export function BothAnswers({ pair, names, scorers, primary }: { pair: Pair; names: { before: string; after: string }; scorers: readonly Scorer[]; primary: Scorer }) {
  const [diff, setDiff] = useState(true);
  return (
    <section aria-label="The chosen case" className="mt-4 space-y-3">
      <header className="flex flex-wrap items-start gap-x-4 gap-y-1">
        <h2 className="min-w-0 flex-1"><Untrusted text={pair.goal} /></h2>
        <CheckField label="Mark the words that differ" checked={diff} onChange={() => setDiff(!diff)} />
      </header>
      <div className="grid gap-3 md:grid-cols-2">
        <Answer name={names.before} shown={pair.before} primary={primary} diff={diff ? { side: "before", other: pair.after } : null} />
        <Answer name={names.after} shown={pair.after} primary={primary} diff={diff ? { side: "after", other: pair.before } : null} />
      </div>
      <div role="region" aria-label="What each scorer says" tabIndex={0} className="overflow-x-auto">
        <table className="w-full max-md:min-w-[34rem]">
          <thead className="text-left text-text-3"><tr>{["Scorer", names.before, names.after].map((head, at) => <th key={at} scope="col" className="py-1.5 pr-4 font-normal">{head}</th>)}</tr></thead>
          <tbody>
            {scorers.map(({ name, description }) => (
              <tr key={name} className="border-t border-border align-top">
                <th scope="row" className="py-1.5 pr-4 text-left font-normal text-text">{reveal(description || name)}{name === primary.name && <span className="text-text-3"> · decides</span>}</th>
                {[pair.before, pair.after].map((shown, at) => <td key={at} className="py-1.5 pr-4"><ScoreCell shown={shown} scorer={name} /></td>)}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Answer({ name, shown, primary, diff }: { name: string; shown: CaseShown; primary: Scorer; diff: { side: "before" | "after"; other: CaseShown } | null }) {
  const good = right(shown, primary);
  const text = answerText(shown.answer);
  const pair = diff?.side === "before" ? { before: text, after: answerText(diff.other.answer) } : { before: diff ? answerText(diff.other.answer) : "", after: text };
  return (
    <article className="min-w-0 rounded-card border border-border bg-surface p-4">
      <header className="mb-1.5 flex items-center gap-2"><h3 className="truncate">{name}</h3><span className={`ml-auto flex items-center gap-1 ${good ? "text-succeeded" : "text-failed"}`}>{good ? <Check aria-hidden size={14} /> : <X aria-hidden size={14} />} {good ? "Pass" : "Fail"}</span></header>
      {shown.error_code ? <p className="text-failed">{reveal(shown.error_detail ?? "")} <span className="font-mono text-xs">{shown.error_code}</span></p>
        : text === "" ? <p className="text-text-3">No answer.</p>
        : diff ? <WordDiff {...pair} only={diff.side} className="text-lg text-text" /> : <Untrusted text={text} className="text-lg text-text" />}
      <p className="nums mt-2 flex items-center gap-3 text-text-3">{shown.latency_ms == null ? "" : duration(shown.latency_ms / 1000)} {tokens(shown.prompt_tokens, shown.completion_tokens)}{shown.reused_from_id && " · answered before"}
        {shown.run_id && <Link href={href("/workflows/run", { id: shown.run_id })} className="ml-auto inline-flex items-center gap-1 text-accent">the run <ExternalLink aria-hidden size={12} /></Link>}</p>
    </article>
  );
}

function ScoreCell({ shown, scorer }: { shown: CaseShown; scorer: string }) {
  const found = scoreOf(shown, scorer);
  if (!found) return <span className="text-text-3">–</span>;
  return <><span className={`nums font-[550] ${found.state === "passed" ? "text-succeeded" : found.state === "failed" ? "text-failed" : "text-text"}`}>{found.score === 1 ? "pass" : found.score === 0 ? "fail" : found.score === null ? found.state : found.score.toFixed(2)}</span> <Untrusted inline text={found.reason ?? ""} className="text-text-3" /></>;
}
