/** The side of a certificate: decision and its history, gates, approver, method, fingerprints, cost. */
import { Check, CircleCheck, CircleDashed, Minus, X } from "lucide-react";
import Link from "next/link";

import { useVersions } from "@/kit/api/versions";
import { levelText } from "@/kit/charts/Interval";
import { clockTime, cost, digits, duration, shortId } from "@/kit/format/format";
import { reveal, Untrusted } from "@/kit/text/Untrusted";
import { href } from "@/kit/url";
import { Copy } from "@/kit/ui/Copy";

import { Decide } from "./Decide";
import { type Evidence, gates } from "./evidence";
import { useMoves } from "./queries";

export function Record({ shown }: { shown: Evidence }) {
  return (
    <section aria-label="Decision and method" className="shrink-0 space-y-5 xl:w-[284px] xl:border-l xl:border-border xl:pl-5">
      <Decision shown={shown} />
      <Part title="Gates">
        <ul className="space-y-1.5">
          {gates(shown).map(({ name, passed, words }) => (
            <li key={name} className="flex items-center gap-2">
              {passed === null ? <Minus aria-label="not asked" size={14} className="text-text-3" /> : passed ? <Check aria-label="passed" size={14} className="text-succeeded" /> : <X aria-label="failed" size={14} className="text-failed" />}
              <span className="text-text">{name}</span><span className="nums ml-auto text-right text-text-3">{words}</span>
            </li>
          ))}
        </ul>
      </Part>
      <Part title="Method">
        <Pairs rows={[
          ["Comparison", shown.method],
          ["p", shown.p === null ? "–" : scientific(shown.p)],
          ["Level", `${levelText(shown.level)}, alpha ${Number(shown.alpha.toPrecision(3))}`],
          ["Look", `${shown.cycle} of this workflow, planned`],
          ["Clusters", `${digits(shown.topics)} topics, n = ${digits(shown.n)}`],
          ["Seed", String(shown.seed)],
        ]} />
      </Part>
      <Part title="Fingerprints">
        <dl className="space-y-1">
          {[...Object.entries(shown.hashes), ["certificate", shown.content_hash] as const].filter((each): each is [string, string] => Boolean(each[1])).map(([name, hash]) => (
            <div key={name} className="flex items-baseline gap-2"><dt className="text-text-3">{name}</dt><dd className="ml-auto"><Copy text={hash} label={`Copy the hash of the ${name}`} className="font-mono text-xs">{shortId(hash.replace("sha256:", ""))}</Copy></dd></div>
          ))}
        </dl>
      </Part>
      <Part title="Cost">
        <Pairs rows={[
          ["Paid", `${cost(shown.cost.usd_micros)}${shown.cost.cpu_s ? ` + ${Math.round(shown.cost.cpu_s)} CPU-s of training` : ""}`],
          ["Time", duration(shown.wall_s)],
          ...shown.stages.map(({ name, wall_s }): [string, string] => [`· ${name}`, duration(wall_s)]),
        ]} />
      </Part>
      <Part title="Measured on"><Pairs rows={Object.entries(shown.environment)} /></Part>
    </section>
  );
}

function Decision({ shown }: { shown: Evidence }) {
  const { decision } = shown;
  const moves = useMoves(shown.alias);
  const { nameOf } = useVersions();
  const inForce = decision?.kind === "promotion" && decision.rolled_back_at === null;
  return (
    <section aria-labelledby="decision">
      <h2 id="decision" tabIndex={-1} className="scroll-mt-4 outline-none">Decision</h2>
      {decision === null ? <p className="mt-1 flex items-center gap-1.5"><CircleDashed aria-hidden size={14} /> Nothing is decided yet: {shown.alias} uses {reveal(shown.baseline.target)}.</p>
        : inForce ? <p className="mt-1.5 flex items-center gap-1.5 rounded-control bg-succeeded-soft px-3 py-1.5 text-succeeded"><CircleCheck aria-hidden size={14} /> {shown.alias} uses {reveal(shown.candidate.target)}</p>
        : <p className="mt-1">{decision.kind === "refusal" ? `Refused: ${shown.alias} stays with ${reveal(shown.baseline.target)}.` : `Rolled back ${clockTime(decision.rolled_back_at)}: ${shown.alias} left ${reveal(shown.candidate.target)}.`}</p>}
      <Decide shown={shown} />
      {decision && (
        <div className="mt-3">
          <h3>{decision.kind === "refusal" ? "Refused by" : "Approved by"}</h3>
          <p className="text-text">{reveal(decision.decided_by)}<span className="text-text-3">, {clockTime(decision.created_at)}{decision.override ? ", against the verdict" : ""}</span></p>
          {decision.reason && <Untrusted text={`“${decision.reason}”`} className="text-text-2" />}
        </div>
      )}
      {moves.data && moves.data.items.length > 0 && (
        <details className="mt-3">
          <summary className="cursor-pointer text-accent">History of {shown.alias}, {moves.data.items.length} {moves.data.items.length === 1 ? "entry" : "entries"}</summary>
          <ol className="mt-1 space-y-1.5">
            {moves.data.items.map((move) => (
              <li key={move.id} className="border-l-2 border-border pl-2.5"><span className="nums text-text-3">{clockTime(move.created_at)}</span> <span className="text-text">{move.to_targets.map((target) => { const id = String((target as { version_id?: unknown }).version_id ?? ""); return nameOf(id) ?? shortId(id); }).join(", ")}</span>{move.reason && <Untrusted text={move.reason} className="text-xs" />}</li>
            ))}
          </ol>
        </details>
      )}
      {shown.live && <p className="mt-2"><Link className="text-accent" href={href("/workflows/run", { id: shown.live.run_id })}>First live run</Link> {shown.live.live ? "was answered by it" : "was not answered by it"}</p>}
    </section>
  );
}

function Part({ title, children }: { title: string; children: React.ReactNode }) {
  return <section><h2 className="mb-1.5">{title}</h2>{children}</section>;
}

function Pairs({ rows }: { rows: readonly (readonly [string, string])[] }) {
  return <dl className="space-y-1">{rows.map(([name, value]) => <div key={name} className="flex gap-3"><dt className="w-20 shrink-0 text-text-3">{name}</dt><dd className="nums min-w-0 text-text [overflow-wrap:anywhere]">{reveal(value)}</dd></div>)}</dl>;
}

function scientific(value: number): string {
  const [digit, power] = value.toExponential(1).split("e");
  return value >= 0.001 ? String(Number(value.toPrecision(2))) : `${digit} × 10${(power ?? "").replace("+", "").replace(/[-\d]/g, (sign) => "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"[sign === "-" ? 10 : Number(sign)]!)}`;
}
