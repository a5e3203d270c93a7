/** The rest of a turn: how it was asked, how it was judged, and all of it as data. */
"use client";

import { useQuery } from "@tanstack/react-query";
import { PenLine, ThumbsDown, ThumbsUp } from "lucide-react";

import { api, unwrap } from "@/kit/api/client";
import type { AnnotationShown, InteractionShown, TurnShown } from "@/kit/api/schema";
import { useVersions } from "@/kit/api/versions";
import { ago, cost, count, duration, shortId, tokens, UNKNOWN } from "@/kit/format/format";
import { Untrusted } from "@/kit/text/Untrusted";
import { Button } from "@/kit/ui/Button";
import { Copy } from "@/kit/ui/Copy";
import { EmptyState, ErrorBox, Skeleton } from "@/kit/ui/Moments";

import { useJudge } from "./judging";
import { shown } from "./messages";

export function Facts({ facts }: { facts: [string, React.ReactNode][] }) {
  return (
    <dl className="grid grid-cols-[minmax(110px,auto)_minmax(0,1fr)] gap-x-4 gap-y-1.5">
      {facts.map(([name, value]) => (<div key={name} className="contents"><dt className="text-text-3">{name}</dt><dd className="nums min-w-0 text-text [overflow-wrap:anywhere]">{value ?? UNKNOWN}</dd></div>))}
    </dl>
  );
}

export function Parameters({ interaction }: { interaction: InteractionShown }) {
  const { nameOf } = useVersions();
  const model = nameOf(interaction.model_version_id);
  const adapter = nameOf(interaction.adapter_version_id);
  return (
    <div className="space-y-5">
      <section><h3 className="mb-2">Asked with</h3>
        <Facts facts={[...Object.entries(interaction.params).map(([name, value]): [string, React.ReactNode] => [name, <Untrusted key={name} inline text={shown(value)} className="font-mono text-xs" />]), ["seed", interaction.seed]]} />
      </section>
      <section><h3 className="mb-2">Answered by</h3>
        <Facts facts={[["alias", interaction.alias], ["model", model ?? shortId(interaction.model_version_id)], ["adapter", interaction.adapter_version_id ? adapter ?? shortId(interaction.adapter_version_id) : "none"],
          ["engine", `${interaction.engine}${interaction.engine_build ? ` ${interaction.engine_build}` : ""}`], ["weights", interaction.quantization], ["template", interaction.template_hash && shortId(interaction.template_hash)]]} />
      </section>
      <section><h3 className="mb-2">Took</h3>
        <Facts facts={[["tokens", tokens(interaction.prompt_tokens, interaction.completion_tokens)], ["from cache", interaction.cached_tokens === null ? null : count(interaction.cached_tokens)], ["cost", cost(interaction.cost_usd_micros)],
          ["first token", duration(interaction.ttft_ms === null ? null : interaction.ttft_ms / 1000)], ["in all", duration(interaction.total_ms / 1000)]]} />
      </section>
      {interaction.tools && interaction.tools.length > 0 && <section><h3 className="mb-2">Tools offered</h3><Untrusted text={shown(interaction.tools)} className="rounded-card bg-subtle p-3 font-mono text-xs" /></section>}
      {interaction.response_format && <section><h3 className="mb-2">Form of the answer</h3><Untrusted text={shown(interaction.response_format)} className="rounded-card bg-subtle p-3 font-mono text-xs" /></section>}
    </div>
  );
}

export function useJudgements(interactionId: string | null) {
  return useQuery({
    queryKey: ["annotations", "of", interactionId],
    enabled: interactionId !== null,
    queryFn: () => unwrap(api.GET("/api/v1/annotations", { params: { query: { interaction_id: interactionId, current: true, limit: 100 } } })),
  });
}

export function Judgements({ interactionId }: { interactionId: string }) {
  const { data, error, refetch } = useJudgements(interactionId);
  if (error) return <ErrorBox error={error} retry={() => void refetch()} />;
  if (!data) return <Skeleton rows={3} />;
  return (
    <div className="space-y-3">
      <Judge interactionId={interactionId} />
      {data.items.length === 0
        ? <EmptyState icon={PenLine} title="Nobody judged this answer yet">Say above how it is, or press <kbd className="font-sans font-semibold text-text">f</kbd> to ask again and choose the better answer.</EmptyState>
        : <ol className="divide-y divide-border">{data.items.map((each) => <Judgement key={each.id} judgement={each} interactionId={interactionId} />)}</ol>}
    </div>
  );
}

function Judge({ interactionId }: { interactionId: string }) {
  const judge = useJudge("Judged");
  const thumbs = (up: boolean) => judge.mutate({ kind: "thumbs", up, interaction_ids: [interactionId], blind: false });
  return (
    <>
      <div role="group" aria-label="Judge this answer" className="flex gap-2">
        <Button icon={ThumbsUp} disabled={judge.isPending} onClick={() => thumbs(true)}>Good</Button>
        <Button icon={ThumbsDown} disabled={judge.isPending} onClick={() => thumbs(false)}>Not good</Button>
      </div>
      {judge.error && <ErrorBox error={judge.error} />}
    </>
  );
}

function Judgement({ judgement, interactionId }: { judgement: AnnotationShown; interactionId: string }) {
  return (
    <li className="py-2.5">
      <p className="flex flex-wrap items-baseline gap-x-2"><span className="font-[550] text-text">{said(judgement, interactionId)}</span><span className="text-text-3">by <Untrusted inline text={judgement.judge} /> ({judgement.judge_kind}), {ago(judgement.created_at)}</span></p>
      {judgement.rationale && <Untrusted text={judgement.rationale} className="mt-0.5 text-text-2" />}
    </li>
  );
}

function said({ kind, value, score, interaction_ids }: AnnotationShown, id: string): string {
  if (kind === "choice") {
    if (value.choice === "tie") return "A tie with another answer";
    return (value.choice === "first") === (interaction_ids[0] === id) ? "Chosen over another answer" : "Another answer was better";
  }
  if (kind === "thumbs") return value.up ? "Good" : "Not good";
  if (kind === "correction") return "Corrected";
  if (kind === "verdict") return `Check: ${String(value.state)}`;
  if (kind === "labels") return (value.labels as string[]).join(", ");
  return `${kind}${score === null ? "" : ` ${score.toFixed(2)}`}`;
}

/** A tool's or check's turn: what it was given and what it gave. */
export function Given({ turn }: { turn: TurnShown }) {
  return <Untrusted text={shown(turn.kind === "tool" ? (turn.input as { code?: unknown } | null)?.code ?? turn.input : turn.input)} className="rounded-card border border-border bg-subtle p-3 font-mono text-xs text-text" />;
}

export function Gave({ turn }: { turn: TurnShown }) {
  const output = turn.output as { text?: unknown; passed?: unknown; reason?: unknown; score?: unknown } | null;
  if (turn.kind === "tool") return <Untrusted text={shown(output?.text ?? turn.output) || "(nothing)"} className="rounded-card border border-border bg-subtle p-3 font-mono text-xs text-text" />;
  return (
    <div className="space-y-3">
      <Untrusted text={String(output?.reason ?? "")} className={output?.passed === true ? "text-lg text-text" : "text-lg text-failed"} />
      <Facts facts={[["passed", output?.passed === true ? "yes" : output?.passed === false ? "no" : "could not be checked"], ["score", output?.score === null || output?.score === undefined ? null : String(output.score)]]} />
      <section><h3 className="mb-2">Checked text</h3><Untrusted text={shown((turn.input as { text?: unknown } | null)?.text)} className="rounded-card border border-border p-3 text-text" /></section>
    </div>
  );
}

export function Raw({ data }: { data: unknown }) {
  const text = JSON.stringify(data, null, 2);
  return <div><div className="mb-2 text-right text-sm font-[550]"><Copy text={text}>Copy</Copy></div><Untrusted text={text} className="rounded-card bg-subtle p-3 font-mono text-xs text-text" /></div>;
}
