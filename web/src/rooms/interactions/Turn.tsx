/** One turn: what was sent, what came back, by whom, with what, and where it came from. */
"use client";

import clsx from "clsx";
import Link from "next/link";
import { Tabs } from "radix-ui";

import type { InteractionShown } from "@/kit/api/schema";
import { useVersions } from "@/kit/api/versions";
import { clockTime, cost, count, duration, shortId, tokens } from "@/kit/format/format";
import { Untrusted } from "@/kit/text/Untrusted";
import { Copy } from "@/kit/ui/Copy";
import { ErrorBox, Skeleton } from "@/kit/ui/Moments";
import { href } from "@/kit/url";

import { placeOf, versionOf } from "./columns";
import { Facts } from "./Facts";
import { Judgements } from "./Judgements";
import { Messages, One } from "./Messages";
import { useTurn } from "./queries";

const TABS = [["said", "Prompt and answer"], ["facts", "Parameters and origin"], ["raw", "Raw JSON"]] as const;
const link = "text-accent hover:underline";

export function Turn({ id, tab, onTab }: { id: string; tab: string; onTab: (tab: string) => void }) {
  const { data: turn, error, refetch } = useTurn(id);
  const { nameOf } = useVersions();
  if (error) return <div className="p-4"><ErrorBox error={error} retry={() => void refetch()} /></div>;
  if (!turn) return <Skeleton rows={6} />;
  return (
    <Tabs.Root value={tab} onValueChange={onTab} className="flex flex-col">
      <dl className="nums grid grid-cols-[1.7fr_1fr_1fr_.8fr] border-b border-border text-text">
        {([["Version", versionOf(turn, nameOf)], ["Tokens", tokens(turn.prompt_tokens, turn.completion_tokens)], ["Time taken", duration(turn.total_ms / 1000)], ["Cost", cost(turn.cost_usd_micros)]] as const).map(([name, value]) => (
          <div key={name} className="min-w-0 py-2 pl-4"><dt className="text-xs text-text-3">{name}</dt><dd title={value} className="truncate font-[550]">{value}</dd></div>
        ))}
      </dl>
      <Tabs.List aria-label="Parts of the turn" className="flex gap-4 border-b border-border px-4">
        {TABS.map(([value, label]) => <Tabs.Trigger key={value} value={value} className={clsx("h-9 border-b-2 text-sm font-[550] max-md:h-11", tab === value ? "border-accent text-text" : "border-transparent text-text-3 hover:text-text")}>{label}</Tabs.Trigger>)}
      </Tabs.List>
      <Tabs.Content value="said" className="space-y-2 p-4"><Said turn={turn} /><Judgements id={id} /></Tabs.Content>
      <Tabs.Content value="facts" className="space-y-5 p-4"><Origin turn={turn} nameOf={nameOf} /></Tabs.Content>
      <Tabs.Content value="raw" className="p-4"><Raw turn={turn} /></Tabs.Content>
    </Tabs.Root>
  );
}

function Said({ turn }: { turn: InteractionShown }) {
  return (
    <>
      {placeOf(turn) && <p className="text-text-3">{placeOf(turn)?.title}.</p>}
      <Messages messages={turn.messages} />
      {turn.answer && <One message={turn.answer} title={`Answer${turn.finish_reason === "length" ? ", cut off at its token limit" : ""}`} mark />}
      {turn.error_code && (
        <section className="rounded-card border border-failed p-3"><p className="font-[550] text-failed">No answer: {turn.error_code}</p><Untrusted text={turn.error_detail ?? "No more is known."} className="mt-1" /></section>
      )}
      {turn.tools && <details><summary className="cursor-pointer text-text-3">{count(turn.tools.length)} tools were offered</summary><Untrusted text={JSON.stringify(turn.tools, null, 2)} className="mt-1 rounded-card bg-sunken p-3 font-mono text-xs" /></details>}
    </>
  );
}

function Origin({ turn, nameOf }: { turn: InteractionShown; nameOf: (id: string | null | undefined) => string | null }) {
  const logs = (name: string, value: string | null, label?: string) => value && <Link className={link} href={href("/interactions", { q: `${name}:${JSON.stringify(value)}` })}><Untrusted inline text={label ?? value} /></Link>;
  const one = (id: string | null) => id && <Link className={link} href={href("/interactions/turn", { id })}>{shortId(id)}</Link>;
  const version = (id: string | null) => id && <Link className={link} href={href("/registry", { version: id })}>{nameOf(id) ?? shortId(id)}</Link>;
  return (
    <>
      <Part title="Parameters"><Facts facts={[...Object.entries(turn.params).map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)] as [string, string]), ["response format", turn.response_format && JSON.stringify(turn.response_format)]]} /></Part>
      <Part title="Who answered"><Facts facts={[["Adapter", version(turn.adapter_version_id)], ["Model", version(turn.model_version_id)], ["Alias", logs("alias", turn.alias)], ["Engine", turn.engine], ["Build", turn.engine_build], ["Quantization", turn.quantization]]} /></Part>
      <Part title="Time and tokens"><Facts facts={[["Recorded", clockTime(turn.created_at), turn.created_at], ["First token", turn.ttft_ms === null ? null : duration(turn.ttft_ms / 1000)], ["Until the end", duration(turn.total_ms / 1000)], ["From the cache", turn.cached_tokens === null ? null : `${count(turn.cached_tokens)} tokens`], ["Ended by", turn.finish_reason], ["Archive", turn.archive_id && shortId(turn.archive_id), turn.archive_id]]} /></Part>
      <Part title="Where it comes from"><Facts facts={[
        ["Run", turn.run_id && <Link className={link} href={href("/workflows/run", { id: turn.run_id })}>{shortId(turn.run_id)}</Link>], ["Turn of it", turn.step_key], ["Agent", logs("agent", turn.agent_id)],
        ["Continues", one(turn.parent_id)], ["Forked from", one(turn.forked_from_id)], ["Further answers", logs("forked_from", turn.id, "to the same prompt")], ["Purpose", turn.purpose], ["Source", turn.source], ["Session", logs("session", turn.session)],
        ["Tags", turn.tags && turn.tags.length > 0 && <span className="flex flex-wrap gap-x-3">{turn.tags.map((tag) => <span key={tag}>{logs("tag", tag)}</span>)}</span>], ["Trace", turn.trace_id && logs("trace", turn.trace_id, shortId(turn.trace_id))], ["Id", shortId(turn.id), turn.id],
      ]} /></Part>
      <Part title="Fingerprints"><Facts facts={([["Prompt", turn.prompt_hash], ["All but the last", turn.prefix_hash], ["Template", turn.template_hash]] as const).map(([name, hash]) => [name, hash && shortId(hash), hash])} /></Part>
    </>
  );
}

function Part({ title, children }: { title: string; children: React.ReactNode }) {
  return <section><h2 className="mb-1.5">{title}</h2>{children}</section>;
}

function Raw({ turn }: { turn: InteractionShown }) {
  const text = JSON.stringify(turn, null, 2);
  return <><Copy text={text} className="mb-2 text-text-3">Copy all</Copy><Untrusted text={text} className="font-mono text-xs text-text" /></>;
}
