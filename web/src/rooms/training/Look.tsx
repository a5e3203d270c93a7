/** What the look before a training found: memory, time, warnings, and the first batch exactly as the model sees it. */
import { TriangleAlert } from "lucide-react";

import { count, digits, duration } from "@/kit/format/format";
import { reveal, Untrusted } from "@/kit/text/Untrusted";
import { FigureStrip } from "@/kit/ui/Card";

import { bytes, type Preflight } from "./progress";

export function Look({ found }: { found: Preflight }) {
  return (
    <section aria-label="What it will take" className="space-y-3">
      <FigureStrip figures={[
        { label: "Time", value: `about ${estimate(found.seconds)}` },
        { label: "Memory", value: bytes(found.memory_bytes), note: found.memory_free_bytes ? `of ${bytes(found.memory_free_bytes)} free` : undefined },
        { label: "Pairs", value: digits(found.pairs), note: `${digits(found.held_out)} held out` },
        { label: "Steps", value: digits(found.steps) },
      ]} />
      <p className="text-text-3">{count(found.tokens)} tokens, the longest pair {digits(found.longest_pair_tokens)}; {count(found.parameters)} numbers are trained, in {reveal(found.dtype)}.</p>
      {found.warnings.map((warning, at) => <p key={at} className="flex gap-2 rounded-control bg-attention-soft px-3 py-2 text-attention"><TriangleAlert aria-hidden size={16} className="mt-0.5 shrink-0" /> {reveal(typeof warning === "string" ? warning : warning.words ?? JSON.stringify(warning))}</p>)}
      <details>
        <summary className="cursor-pointer text-accent">The first batch, as the model sees it ({found.first_batch.length} pairs)</summary>
        <FirstBatch found={found} />
      </details>
    </section>
  );
}

export function FirstBatch({ found }: { found: Preflight }) {
  return (
    <ol className="mt-2 space-y-2.5">
      {found.first_batch.map((pair) => (
        <li key={pair.pair_hash} className="rounded-card border border-border p-3 font-mono text-xs">
          <Part label={`prompt, ${pair.prompt_tokens} tokens`} text={pair.prompt} />
          <div className="mt-2 grid gap-2 md:grid-cols-2">
            <Part label={`chosen, ${pair.chosen_tokens} tokens`} text={pair.chosen} tone="border-cat-1" /><Part label={`rejected, ${pair.rejected_tokens} tokens`} text={pair.rejected} tone="border-cat-2" />
          </div>
        </li>
      ))}
    </ol>
  );
}

function Part({ label, text, tone = "border-border" }: { label: string; text: string; tone?: string }) {
  return <div className={`border-l-2 pl-2.5 ${tone}`}><span className="font-sans text-text-3">{label}</span><Untrusted text={text} className="text-text" /></div>;
}

/** An estimate is not exact: whole seconds. */
const estimate = (seconds: number) => duration(Math.max(1, Math.round(seconds))).replace(/\.\d+ s/, " s");
