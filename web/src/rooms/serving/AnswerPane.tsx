/** One side: who is asked, what it says as it says it, and what that took. */
"use client";

import clsx from "clsx";
import Link from "next/link";

import { useVersions } from "@/kit/api/versions";
import { digits, duration, tokens, UNKNOWN } from "@/kit/format/format";
import { Untrusted } from "@/kit/text/Untrusted";
import { StateIcon } from "@/kit/ui/Chip";
import { Copy } from "@/kit/ui/Copy";
import { SelectField } from "@/kit/ui/Field";
import { ErrorBox } from "@/kit/ui/Moments";
import { href } from "@/kit/url";

import type { Answer } from "./chat";
import type { Side } from "./useDuel";

interface AnswerPaneProps {
  side: Side;
  alias: string;
  options: { name: string; versions: string[] }[];
  answer: Answer | undefined;
  onAlias: (alias: string) => void;
  disabled: boolean;
  better: boolean;
}

export function AnswerPane({ side, alias, options, answer, onAlias, disabled, better }: AnswerPaneProps) {
  const { nameOf } = useVersions();
  const label = side === "a" ? "Left" : "Right";
  const shown = options.map((option) => ({ value: option.name, label: `${option.name}: ${option.versions.map((id) => nameOf(id) ?? "…").join(", ")}` }));
  const words = answer ? answer.text.split(/\s+/).filter(Boolean).length : 0;
  return (
    <section aria-label={`${label} answer`} className={clsx("flex min-w-0 flex-col rounded-card border bg-surface", better ? "border-accent outline-1 outline-accent" : "border-border")}>
      <header className="border-b border-border p-3"><SelectField label={`${label}: alias and its version`} bare options={shown} value={alias} disabled={disabled} onChange={(event) => onAlias(event.target.value)} /></header>
      <div className="min-h-40 flex-1 p-4" aria-busy={answer?.state === "running"}>
        {!answer && <p className="text-text-3">Its answer will stand here.</p>}
        {answer && answer.text === "" && answer.state === "running" && <p className="text-text-3">Reading the prompt</p>}
        {answer && <Untrusted text={answer.text} className={words > 80 ? "text-lg text-text" : "text-[19px] leading-[31px] text-text"} />}
        {answer?.state === "failed" && <div className="mt-3"><ErrorBox error={answer.error} /></div>}
        {answer?.state === "cancelled" && <p className="mt-2 text-text-3">Stopped.</p>}
      </div>
      {answer && (
        <footer className="nums flex flex-wrap items-center gap-x-4 gap-y-1 border-t border-border px-4 py-2 text-xs text-text-3">
          <StateIcon state={answer.state} size={14} />
          <span>{answer.versionId ? nameOf(answer.versionId) ?? UNKNOWN : UNKNOWN}</span>
          <span>{digits(words)} {words === 1 ? "word" : "words"}</span>
          <span title="Tokens read + written">{tokens(answer.promptTokens, answer.completionTokens)} tok</span>
          <span title="Until the first token, and until the end, as seen from here">{duration(answer.firstMs === null ? null : answer.firstMs / 1000)} first, {duration(answer.totalMs === null ? null : answer.totalMs / 1000)} in all</span>
          {answer.finish === "length" && <span className="text-attention">cut off at the longest answer</span>}
          <span className="ml-auto flex items-center gap-3">
            {answer.text && <Copy text={answer.text} label="Copy the answer" />}
            {answer.interactionId && answer.state === "succeeded" && <Link className="text-accent hover:underline" href={href("/interactions/turn", { id: answer.interactionId })}>Its turn in the log</Link>}
          </span>
        </footer>
      )}
    </section>
  );
}
