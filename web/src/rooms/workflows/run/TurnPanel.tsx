/** One turn, opened: what was said, what was sent, how, and how it was judged. */
"use client";

import { GitCompare, GitFork, X } from "lucide-react";
import { Tabs } from "radix-ui";

import { useVersions } from "@/kit/api/versions";
import { duration, tokens } from "@/kit/format/format";
import { Untrusted } from "@/kit/text/Untrusted";
import { Button, IconButton, KeyCap } from "@/kit/ui/Button";
import { Chip, StateChip, StateIcon, Tag } from "@/kit/ui/Chip";
import { ErrorBox, Skeleton } from "@/kit/ui/Moments";
import { LoaderCircle } from "lucide-react";

import { useInteraction } from "../queries";
import type { TraceRow } from "./trace";
import { Facts, Gave, Given, Judgements, Parameters, Raw, useJudgements } from "./TurnFacts";
import { Answer, Prompt, Writing } from "./TurnWords";

export const TABS = ["answer", "prompt", "parameters", "judgements", "raw"] as const;
export type Tab = (typeof TABS)[number];

/** The tabs of a row in their order: `1` opens the first. A round or a candidate has none. */
export function tabsOf({ kind }: TraceRow): readonly Tab[] {
  if (kind === "round" || kind === "candidate") return [];
  return kind === "tool" || kind === "verify" ? ["answer", "prompt", "raw"] : TABS;
}

interface Props {
  row: TraceRow; tab: Tab; onTab: (tab: Tab) => void; onClose: () => void;
  /** What it has said so far, while it is being written. */ writing: string | null;
  /** What it can be compared with: as a rule the turn of the same agent before it. */ before: TraceRow | null;
  /** The run has ended. */ over: boolean;
  onDiff: (other: TraceRow) => void; onFork: () => void;
}

export function TurnPanel({ row, tab, onTab, onClose, writing, before, over, onDiff, onFork }: Props) {
  const id = row.call?.id ?? row.turn?.interaction_id ?? null;
  const { data: interaction, error, refetch } = useInteraction(id);
  const { nameOf } = useVersions();
  const adapter = nameOf(interaction?.adapter_version_id);
  const model = nameOf(interaction?.model_version_id);
  const judgements = useJudgements(id);
  const group = row.kind === "round" || row.kind === "candidate";
  const tool = row.kind === "tool" || row.kind === "verify";
  const words: Record<Tab, [string, string?]> = {
    answer: [tool ? "Result" : "Answer"], prompt: tool ? [row.kind === "tool" ? "Arguments" : "Given"] : ["Prompt", row.promptTokens === null ? undefined : String(row.promptTokens)],
    parameters: ["Parameters"], judgements: ["Judgements", judgements.data ? String(judgements.data.items.length) : undefined], raw: ["Raw"],
  };
  const tabs = tabsOf(row);
  const open = tabs.includes(tab) ? tab : "answer";
  const temperature = interaction?.params.temperature;
  return (
    <div className="flex h-full min-h-0 flex-col">
      <header className="space-y-2 px-5 pt-3 pb-1">
        <div className="flex flex-wrap items-center gap-2">
          <h2 className="shrink-0">{row.seq === null ? row.name : `Turn ${row.seq}`}</h2>
          {row.seq !== null && <span className="text-text-2">{row.name}</span>}
          {row.state === "running" ? <Chip tone="running" icon={LoaderCircle}>{writing ? "Writing" : "Running"}</Chip> : row.state === "succeeded" ? <StateIcon state={row.state} /> : <StateChip state={row.state} />}
          <span className="ml-auto flex gap-2">
            {before && id && <Button icon={GitCompare} onClick={() => onDiff(before)}>Diff with {before.seq}</Button>}
            {id && row.kind === "model" && <Button icon={GitFork} keyCap="F" onClick={onFork}>Fork</Button>}
            <IconButton icon={X} label="Close the turn" onClick={onClose} className="lg:hidden" />
          </span>
        </div>
        {interaction && (
          <p className="flex flex-wrap gap-1.5">
            {model && <Tag title="Model">{model}</Tag>}
            {interaction.adapter_version_id && <Tag title="Adapter">{adapter ?? "adapter"}</Tag>}
            {interaction.alias && <Tag title="Alias">{interaction.alias}</Tag>}
            {typeof temperature === "number" && <Tag>temp {temperature}</Tag>}
            {interaction.seed !== null && <Tag>seed {interaction.seed}</Tag>}
          </p>
        )}
      </header>
      {group ? <div className="px-5 py-3"><GroupFacts row={row} /></div> : (
        <Tabs.Root value={open} onValueChange={(next) => onTab(next as Tab)} className="flex min-h-0 flex-1 flex-col">
          <Tabs.List data-keys="live" className="flex shrink-0 gap-5 overflow-x-auto border-b border-border px-5">
            {tabs.map((name) => (
              <Tabs.Trigger key={name} value={name} className="-mb-px flex h-9 shrink-0 items-center gap-1.5 border-b-2 border-transparent text-md text-text-2 data-[state=active]:border-primary data-[state=active]:font-[550] data-[state=active]:text-text">
                {words[name][0]}{words[name][1] && <span className="nums text-xs font-normal text-text-3">{words[name][1]}</span>}
              </Tabs.Trigger>
            ))}
          </Tabs.List>
          <Tabs.Content value={open} className="min-h-0 flex-1 overflow-y-auto px-5 py-4 outline-offset-[-2px]">
            {error ? <ErrorBox error={error} retry={() => void refetch()} /> : <Body row={row} tab={open} writing={writing} interaction={interaction} />}
          </Tabs.Content>
        </Tabs.Root>
      )}
      <footer className="flex shrink-0 flex-wrap gap-x-5 gap-y-1 border-t border-border px-5 py-2.5 text-xs text-text-3 max-md:hidden">
        <span className="flex items-center gap-1">Turn <KeyCap>J</KeyCap><KeyCap>K</KeyCap></span>
        {tabs.length > 0 && <span className="flex items-center gap-1">Tabs <KeyCap>1</KeyCap> to <KeyCap>{tabs.length}</KeyCap></span>}
        {row.kind === "model" && id && <span className="flex items-center gap-1">Judge <KeyCap>A</KeyCap></span>}
        {over && <span className="flex items-center gap-1">Retry from here <KeyCap>R</KeyCap></span>}
      </footer>
    </div>
  );
}

function Body({ row, tab, writing, interaction }: { row: TraceRow; tab: Tab; writing: string | null; interaction: ReturnType<typeof useInteraction>["data"] }) {
  if (row.turn && row.kind !== "model") {
    if (tab === "prompt") return <Given turn={row.turn} />;
    return tab === "raw" ? <Raw data={row.turn} /> : <Gave turn={row.turn} />;
  }
  if (!row.turn && !row.call) return <Writing text={writing ?? ""} started={row.state === "running"} />;
  if (!interaction) return <Skeleton />;
  switch (tab) {
    case "prompt": return <Prompt messages={interaction.messages} />;
    case "parameters": return <Parameters interaction={interaction} />;
    case "judgements": return <Judgements interactionId={interaction.id} />;
    case "raw": return <Raw data={interaction} />;
    default: return <div className="space-y-5"><Answer interaction={interaction} /><Prompt messages={interaction.messages} /></div>;
  }
}

function GroupFacts({ row }: { row: TraceRow }) {
  const took_s = row.startAt === null || row.endAt === null ? null : (row.endAt - row.startAt) / 1000;
  return <Facts facts={[["tokens", tokens(row.promptTokens, row.completionTokens)], ["time", duration(took_s)], ["said", row.reason && <Untrusted inline text={row.reason} />]]} />;
}
