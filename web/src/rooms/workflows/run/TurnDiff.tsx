/** Two calls of a model, what differs: how they were asked, the prompt, the answer. */
"use client";

import type { InteractionShown } from "@/kit/api/schema";
import { useVersions } from "@/kit/api/versions";
import { cost, duration, tokens, UNKNOWN } from "@/kit/format/format";
import { WordDiff } from "@/kit/text/WordDiff";
import { Untrusted } from "@/kit/text/Untrusted";
import { Dialog } from "@/kit/ui/Dialog";
import { Button } from "@/kit/ui/Button";
import { SelectField } from "@/kit/ui/Field";
import { ErrorBox, Skeleton } from "@/kit/ui/Moments";

import { useInteraction } from "../queries";
import { shown, textOf, wishesOf } from "./messages";
import type { TraceRow } from "./trace";

export function TurnDiffDialog({ row, other, rows, onPick, onClose }: { row: TraceRow; other: TraceRow; rows: TraceRow[]; onPick: (row: TraceRow) => void; onClose: () => void }) {
  const options = rows.filter((each) => each.kind === "model" && each.seq !== null && each.key !== row.key).map((each) => ({ value: each.key, label: `Turn ${each.seq}, ${each.name}` }));
  return (
    <Dialog open wide onClose={onClose} title={`What differs in turn ${row.seq ?? ""}?`} actions={<Button onClick={onClose}>Close</Button>}>
      <SelectField label="Against" value={other.key} options={options} onChange={(event) => { const found = rows.find((each) => each.key === event.target.value); if (found) onPick(found); }} className="max-w-72" />
      <TurnDiff before={other.call?.id ?? other.turn?.interaction_id ?? null} after={row.call?.id ?? row.turn?.interaction_id ?? null} names={[`turn ${other.seq}`, `turn ${row.seq}`]} />
    </Dialog>
  );
}

export function TurnDiff({ before, after, names }: { before: string | null; after: string | null; names: [string, string] }) {
  const [a, b] = [useInteraction(before), useInteraction(after)];
  const error = a.error ?? b.error;
  if (error) return <ErrorBox error={error} />;
  if (!a.data || !b.data) return <Skeleton rows={4} />;
  return (
    <div className="space-y-4">
      <Facts a={a.data} b={b.data} names={names} />
      <section><h3 className="mb-1.5">Answer</h3><Both before={said(a.data)} after={said(b.data)} names={names} /></section>
      <section><h3 className="mb-1.5">Prompt</h3><Both before={prompt(a.data)} after={prompt(b.data)} names={names} /></section>
    </div>
  );
}

/** Inline on a phone, side by side where there is room. */
export function Both({ before, after, names }: { before: string; after: string; names: [string, string] }) {
  if (before === after) return <div className="rounded-card border border-border p-3"><p className="mb-1 text-xs text-text-3">The same in both</p><Untrusted text={after || "(nothing)"} className="text-text" /></div>;
  return (
    <>
      <div className="grid grid-cols-2 gap-3 max-md:hidden">
        {(["before", "after"] as const).map((side, at) => (
          <div key={side} className="min-w-0 rounded-card border border-border p-3"><p className="mb-1 text-xs text-text-3">{names[at]}</p><WordDiff before={before} after={after} only={side} className="text-text" /></div>
        ))}
      </div>
      <WordDiff before={before} after={after} className="rounded-card border border-border p-3 text-text md:hidden" />
    </>
  );
}

function Facts({ a, b, names }: { a: InteractionShown; b: InteractionShown; names: [string, string] }) {
  const { nameOf } = useVersions();
  const of = (each: InteractionShown): Record<string, string> => ({
    ...Object.fromEntries(Object.entries(each.params).map(([name, value]) => [name, shown(value)])),
    seed: String(each.seed ?? UNKNOWN), model: nameOf(each.model_version_id) ?? each.model_version_id, adapter: each.adapter_version_id ? nameOf(each.adapter_version_id) ?? each.adapter_version_id : "none",
    tokens: tokens(each.prompt_tokens, each.completion_tokens), time: duration(each.total_ms / 1000), cost: cost(each.cost_usd_micros),
  });
  const [one, two] = [of(a), of(b)];
  const changed = [...new Set([...Object.keys(one), ...Object.keys(two)])].filter((name) => one[name] !== two[name]);
  return <Changed rows={changed.map((name) => [name, one[name] ?? UNKNOWN, two[name] ?? UNKNOWN])} names={names} />;
}

/** A small table of what changed; nothing where nothing did. */
export function Changed({ rows, names }: { rows: [string, string, string][]; names: [string, string] }) {
  if (rows.length === 0) return <p className="text-text-3">Asked in the same way.</p>;
  return (
    <table className="nums w-full text-left">
      <thead><tr className="text-xs text-text-3"><th className="py-1 font-normal">What changed</th><th className="font-normal">{names[0]}</th><th className="font-normal">{names[1]}</th></tr></thead>
      <tbody>{rows.map(([name, a, b]) => <tr key={name} className="border-t border-border align-top"><th className="py-1 pr-4 font-normal text-text-2">{name}</th><td className="pr-4 [overflow-wrap:anywhere] text-text"><Untrusted inline text={a} /></td><td className="[overflow-wrap:anywhere] text-text"><Untrusted inline text={b} /></td></tr>)}</tbody>
    </table>
  );
}

function said(interaction: InteractionShown): string {
  return [textOf(interaction.answer), ...wishesOf(interaction.answer).map((wish) => `${wish.name}(${wish.args})`)].filter(Boolean).join("\n");
}

function prompt(interaction: InteractionShown): string {
  return interaction.messages.map((message) => `${String(message.role)}\n${textOf(message)}`).join("\n\n");
}
