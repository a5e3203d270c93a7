/** What a version's pairs are like, in numbers; and what became of everything that was looked at. */
import { digits, percent } from "@/kit/format/format";
import { Untrusted } from "@/kit/text/Untrusted";
import { Card, FigureStrip } from "@/kit/ui/Card";

import type { Version } from "./queries";
import { Yields } from "./Yields";

interface Spread { min: number; median: number; mean: number; max: number }

export function Statistics({ version }: { version: Version }) {
  const numbers = version.statistics;
  const of = (name: string) => (typeof numbers[name] === "number" ? numbers[name] : null);
  return (
    <>
      <FigureStrip figures={[
        { label: "Pairs", value: digits(version.pairs) }, { label: "To learn from", value: digits(version.pairs_train) }, { label: "Held out", value: digits(version.pairs_eval) },
        { label: "Prompts", value: digits(of("prompts")) }, { label: "Topics", value: digits(of("topics")), note: `${digits(of("topics_eval"))} held out` }, { label: "Chosen is the longer", value: percent(of("chosen_longer_ratio")) },
      ]} />
      <div className="grid gap-4 lg:grid-cols-2">
        {"found" in numbers && <Card title="From judgements to pairs"><Yields found={numbers.found as never} pairs={version.pairs} /></Card>}
        <Spreads numbers={numbers} />
        <Counts title="Who judged" note="pairs that rest on their word" counts={numbers.judges} />
        <Counts title="What says that one is better" counts={numbers.sources} />
        <Card title="Rules"><dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1">{Object.entries(version.rules).filter(([, value]) => value !== null).map(([name, value]) => <div key={name} className="contents"><dt className="text-text-3">{name.replaceAll("_", " ")}</dt><dd className="min-w-0"><Untrusted inline text={Array.isArray(value) ? value.map((each) => String(each).replace(/(sha256:.{8}).*/, "$1…")).join(", ") : String(value)} className="text-text" /></dd></div>)}</dl></Card>
      </div>
    </>
  );
}

/** Length and margin from least to most, drawn to one scale. */
export function Spreads({ numbers }: { numbers: Record<string, unknown> }) {
  const lengths = [["prompt", "prompt_chars", "bg-border-strong"], ["chosen", "chosen_chars", "bg-cat-1"], ["rejected", "rejected_chars", "bg-cat-2"]] as const;
  const found = lengths.map(([word, name, colour]) => ({ word, colour, spread: numbers[name] as Spread | null | undefined })).filter((row) => row.spread);
  const most = Math.max(1, ...found.map((row) => row.spread!.max));
  const margin = numbers.margin as Spread | null | undefined;
  return (
    <Card title="Length" note="characters, least to most; the mark is the median">
      <div className="space-y-2">
        {found.map(({ word, colour, spread }) => <SpreadRow key={word} word={word} colour={colour} spread={spread!} most={most} format={(value) => digits(Math.round(value))} />)}
        {margin && <><h3 className="pt-3">Margin <span className="font-normal text-text-3">by how much the chosen is better, 0 to 1</span></h3><SpreadRow word="margin" colour="bg-cat-1" spread={margin} most={1} format={(value) => value.toFixed(2)} /></>}
      </div>
    </Card>
  );
}

function SpreadRow({ word, colour, spread, most, format }: { word: string; colour: string; spread: Spread; most: number; format: (value: number) => string }) {
  const at = (value: number) => `${(value / most) * 100}%`;
  return (
    <div className="grid grid-cols-[64px_1fr_150px] items-center gap-3">
      <span className="text-text-3">{word}</span>
      <span aria-hidden className="relative h-3 rounded-full bg-sunken">
        <span className={`absolute inset-y-0 rounded-full opacity-40 ${colour}`} style={{ left: at(spread.min), width: at(Math.max(most / 100, spread.max - spread.min)) }} />
        <span className={`absolute -inset-y-0.5 w-1 -translate-x-1/2 rounded-full ${colour}`} style={{ left: at(spread.median) }} />
      </span>
      <span className="nums text-right"><strong>{format(spread.median)}</strong> <span className="text-text-3">{format(spread.min)} to {format(spread.max)}</span></span>
    </div>
  );
}

function Counts({ title, note, counts }: { title: string; note?: string; counts: unknown }) {
  const rows = Object.entries((counts ?? {}) as Record<string, number>).sort(([, a], [, b]) => b - a);
  const most = Math.max(1, ...rows.map(([, count]) => count));
  if (rows.length === 0) return null;
  return (
    <Card title={title} note={note}>
      <ul className="space-y-1.5">{rows.map(([name, count]) => (
        <li key={name} className="grid grid-cols-[140px_1fr_56px] items-center gap-3"><span className="truncate text-text"><Untrusted inline text={name} /></span><span aria-hidden className="h-2 rounded-full bg-sunken"><span className="block h-full rounded-full bg-cat-1" style={{ width: `${(count / most) * 100}%` }} /></span><span className="nums text-right">{digits(count)}</span></li>
      ))}</ul>
    </Card>
  );
}
