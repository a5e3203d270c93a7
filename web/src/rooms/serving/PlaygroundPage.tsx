/** Playground: what would version X say? Two versions, one prompt, one seed, side by side. */
"use client";

import { useQuery } from "@tanstack/react-query";
import { Equal, MessagesSquare, Play, Square, ThumbsDown, ThumbsUp } from "lucide-react";
import { useState } from "react";

import { api, unwrap } from "@/kit/api/client";
import { useVersions } from "@/kit/api/versions";
import { useKeys } from "@/kit/keys/useKeys";
import { Button } from "@/kit/ui/Button";
import { PageHeader } from "@/kit/ui/Card";
import { TextArea, TextField } from "@/kit/ui/Field";
import { EmptyState, ErrorBox, Skeleton } from "@/kit/ui/Moments";
import { href, useUrl } from "@/kit/url";
import Link from "next/link";

import { AnswerPane } from "./AnswerPane";
import type { Message } from "./chat";
import { type Side, useDuel } from "./useDuel";

const DEFAULT = { seed: "7", temperature: "0", max_tokens: "120" };

export function PlaygroundPage() {
  const { get } = useUrl();
  const turn = get("turn");
  const aliases = useQuery({ queryKey: ["aliases", "playground"], queryFn: () => unwrap(api.GET("/api/v1/aliases", { params: { query: { limit: 200 } } })) });
  const from = useQuery({ queryKey: ["interactions", turn, "playground"], enabled: turn !== null, staleTime: Infinity, queryFn: () => unwrap(api.GET("/api/v1/interactions/{interaction_id}", { params: { path: { interaction_id: turn! } } })) });
  const error = aliases.error ?? from.error;
  if (error) return <><PageHeader title="Playground" /><ErrorBox error={error} retry={() => void aliases.refetch()} /></>;
  if (!aliases.data || (turn && !from.data)) return <><PageHeader title="Playground" /><Skeleton rows={4} /></>;
  if (aliases.data.items.length === 0) return <><PageHeader title="Playground" /><EmptyState icon={MessagesSquare} title="No alias answers yet" command="camel-ext apply -f examples/three-roles">An alias names the version that answers. Apply a configuration that has one.</EmptyState></>;
  const options = aliases.data.items.map((alias) => ({ name: alias.name, versions: alias.targets.map((target) => target.version_id) }));
  return <Playground key={turn ?? ""} options={options} messages={from.data?.messages ?? []} params={from.data?.params ?? {}} turn={turn} />;
}

interface PlaygroundProps { options: { name: string; versions: string[] }[]; messages: Message[]; params: Record<string, unknown>; turn: string | null }

function Playground({ options, messages, params, turn }: PlaygroundProps) {
  const { get, set } = useUrl();
  const { named } = useVersions();
  const lastAsked = messages.findLastIndex((message) => message.role === "user" && typeof message.content === "string");
  const first = messages[0]?.role === "system" && typeof messages[0].content === "string" && lastAsked !== 0 ? messages[0].content : "";
  const between = lastAsked < 0 ? [] : messages.slice(first ? 1 : 0, lastAsked);
  const start = (name: keyof typeof DEFAULT) => get(name) ?? (params[name] === undefined ? DEFAULT[name] : String(params[name]));
  const [system, setSystem] = useState(get("system") ?? first);
  const [prompt, setPrompt] = useState(get("prompt") ?? (lastAsked < 0 ? "" : String(messages[lastAsked]!.content)));
  const [seed, setSeed] = useState(start("seed"));
  const [temperature, setTemperature] = useState(start("temperature"));
  const [maxTokens, setMaxTokens] = useState(start("max_tokens"));
  const { answers, busy, ready, judged, error, run, stop, judge } = useDuel();

  const kindOf = (option: { versions: string[] }) => named(option.versions[0])?.model.kind;
  const adapter = options.find((option) => kindOf(option) === "adapter")?.name ?? options[0]!.name;
  const base = options.find((option) => kindOf(option) === "base" && option.name !== adapter)?.name ?? options.find((option) => option.name !== adapter)?.name ?? adapter;
  const chosen: Record<Side, string> = { a: get("a") ?? adapter, b: get("b") ?? base };
  const wrong = { seed: seed !== "" && !/^\d{1,9}$/.test(seed), temperature: !(Number(temperature) >= 0 && Number(temperature) <= 2 && temperature !== ""), maxTokens: !/^[1-9]\d{0,4}$/.test(maxTokens) };
  const able = prompt.trim() !== "" && !Object.values(wrong).some(Boolean);
  const go = () => {
    if (!able) return;
    set({ prompt, system, seed, temperature, max_tokens: maxTokens, a: chosen.a, b: chosen.b });
    run({ messages: [...(system ? [{ role: "system", content: system }] : []), ...between, { role: "user", content: prompt }], seed: seed === "" ? null : Number(seed), temperature: Number(temperature), maxTokens: Number(maxTokens) }, chosen);
  };
  useKeys("Playground", [
    { keys: "Mod+Enter", label: "Ask both", run: go },
    { keys: ["1", "a"], label: "The left answer is better", run: () => void judge("first"), off: !ready },
    { keys: ["2", "b"], label: "The right answer is better", run: () => void judge("second"), off: !ready },
    { keys: ["3", "t"], label: "They are equally good", run: () => void judge("tie"), off: !ready },
    { keys: "4", label: "Both are bad", run: () => void judge("both_bad"), off: !ready },
  ]);
  return (
    <>
      <PageHeader title="Playground" note="Two versions, the same prompt, the same seed." />
      <form className="grid gap-3 lg:grid-cols-[minmax(0,1fr)_220px]" onSubmit={(event) => { event.preventDefault(); go(); }}>
        <div className="space-y-3">
          <TextArea label="Prompt" rows={3} autoFocus value={prompt} onChange={(event) => setPrompt(event.target.value)} />
          <details open={system !== ""}><summary className="cursor-pointer text-text-3">System message</summary><TextArea label="System message" bare rows={2} value={system} onChange={(event) => setSystem(event.target.value)} /></details>
          {turn && between.length > 0 && <p className="text-text-3">After {between.length} earlier messages of <Link className="text-accent hover:underline" href={href("/interactions/turn", { id: turn })}>this turn</Link>, sent as they were.</p>}
        </div>
        <div className="grid grid-cols-3 content-start gap-2 lg:grid-cols-2">
          <TextField label="Seed" inputMode="numeric" value={seed} error={wrong.seed ? "Digits" : null} onChange={(event) => setSeed(event.target.value)} />
          <TextField label="Temperature" inputMode="decimal" value={temperature} error={wrong.temperature ? "0 to 2" : null} onChange={(event) => setTemperature(event.target.value)} />
          <TextField label="Longest answer" inputMode="numeric" value={maxTokens} error={wrong.maxTokens ? "Tokens" : null} onChange={(event) => setMaxTokens(event.target.value)} />
          {busy ? <Button icon={Square} onClick={stop} className="self-end max-lg:col-span-3">Stop</Button> : <Button kind="ink" icon={Play} type="submit" disabled={!able} className="self-end max-lg:col-span-3">Ask both</Button>}
        </div>
      </form>
      <div className="mt-4 grid gap-3 md:grid-cols-2">
        {(["a", "b"] as const).map((side) => (
          <AnswerPane key={side} side={side} alias={chosen[side]} options={options} answer={answers[side]} onAlias={(alias) => set({ [side]: alias })} disabled={busy} better={judged?.choice === (side === "a" ? "first" : "second")} />
        ))}
      </div>
      {ready && (
        <div role="group" aria-label="Which answer is better?" className="mt-3 flex flex-wrap items-center justify-center gap-2">
          <Button kind={judged?.choice === "first" ? "accent" : "default"} icon={ThumbsUp} keyCap="1" aria-pressed={judged?.choice === "first"} onClick={() => void judge("first")}>Left is better</Button>
          <Button kind={judged?.choice === "tie" ? "accent" : "default"} icon={Equal} keyCap="3" aria-pressed={judged?.choice === "tie"} onClick={() => void judge("tie")}>Equally good</Button>
          <Button kind={judged?.choice === "both_bad" ? "accent" : "default"} icon={ThumbsDown} keyCap="4" aria-pressed={judged?.choice === "both_bad"} onClick={() => void judge("both_bad")}>Both bad</Button>
          <Button kind={judged?.choice === "second" ? "accent" : "default"} icon={ThumbsUp} keyCap="2" aria-pressed={judged?.choice === "second"} onClick={() => void judge("second")}>Right is better</Button>
        </div>
      )}
      {error !== null && <div className="mt-3"><ErrorBox error={error} title="The judgement was not kept" /></div>}
    </>
  );
}
