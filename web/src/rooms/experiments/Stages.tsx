/** The loop's stages, as they go: in a row of dots, or one by one with what came of each. */
import clsx from "clsx";
import Link from "next/link";

import { count, digits, duration, percent, points, shortId } from "@/kit/format/format";
import { reveal } from "@/kit/text/Untrusted";
import { href } from "@/kit/url";
import { StateIcon } from "@/kit/ui/Chip";
import type { ImprovementShown, StageShown } from "@/kit/api/schema";

const ORDER = ["sample", "fork", "judge", "pair", "train", "baseline", "candidate", "gate", "promote", "verify_live"] as const;
type Name = (typeof ORDER)[number];

const WHAT: Record<Name, string> = {
  sample: "Run the workflow over the training goals", fork: "Ask each turn of the agent again", judge: "Judge every answer by every scorer", pair: "Freeze preference pairs",
  train: "Train an adapter", baseline: "Examine what answers now", candidate: "Examine the adapter", gate: "Compare, and issue the certificate", promote: "Decide", verify_live: "See that it answers",
};
const word = (name: Name) => name.replace("_", " ");

export function StageDots({ stage, state }: { stage: string | null; state: string }) {
  const at = ORDER.indexOf(stage as Name);
  return (
    <span className="inline-flex items-center gap-1.5 text-text-2">
      <span aria-hidden className="flex gap-1">
        {ORDER.map((name, place) => <span key={name} title={word(name)} className={clsx("h-1.5 w-4 rounded-full", place < at || state === "succeeded" ? "bg-succeeded" : place > at ? "bg-border" : state === "failed" ? "bg-failed" : state === "cancelled" ? "bg-cancelled" : state === "waiting" ? "bg-attention" : "bg-running")} />)}
      </span>
      {stage ? `${word(stage as Name)}, ${at + 1} of ${ORDER.length}` : "not begun"}
    </span>
  );
}

export function StageList({ shown }: { shown: ImprovementShown }) {
  const found = new Map(shown.stages.map((each) => [each.name, each]));
  const open = ["queued", "running", "waiting"].includes(shown.state);
  return (
    <ol className="rounded-card border border-border">
      {ORDER.filter((name) => found.has(name) || open).map((name) => {
        const each = found.get(name);
        return (
          <li key={name} className="grid grid-cols-[auto_1fr_auto] items-center gap-x-3 border-t border-border px-4 py-2 first:border-0">
            <StateIcon state={each?.state ?? "queued"} />
            <span className="min-w-0"><span className="font-[550] text-text">{WHAT[name]}</span>{each && <span className="block text-text-3"><Outcome each={each} shown={shown} /></span>}</span>
            <span className="nums text-text-3">{each ? (each.wall_s === null ? "now" : duration(each.wall_s)) : ""}</span>
          </li>
        );
      })}
    </ol>
  );
}

/** What came of a stage in words, and the way to what it started. */
function Outcome({ each, shown }: { each: StageShown; shown: ImprovementShown }) {
  const result = (each.result ?? {}) as Record<string, never> & { means?: Record<string, number>; interval?: [number, number]; scorers?: Record<string, { passed: number; failed: number }> };
  const child = each.children[each.children.length - 1];
  const number = (name: string) => Number(result[name] ?? 0);
  if (each.name === "train" && child) return <Link className="text-accent" href={href("/training", { id: child })}>{each.state === "running" ? "Watch it train" : "See its curves"}</Link>;
  if ((each.name === "baseline" || each.name === "candidate") && child) {
    const means = Object.entries(result.means ?? {}).map(([name, mean]) => `${reveal(name)} ${percent(mean, 1)}`).join(", ");
    return <>{means && `${means} · `}<Link className="text-accent" href={href("/evaluation/evaluation", { id: child })}>{means ? "see the cases" : "watch it"}</Link></>;
  }
  if (!each.result) return <>{each.children.length > 0 ? `${digits(each.children.length)} started` : "begins"}</>;
  switch (each.name) {
    case "sample": return <>{digits(number("runs"))} runs, {digits(number("failed"))} failed</>;
    case "fork": return <>{count(number("samples"))} further answers to {digits(number("forks"))} turns</>;
    case "judge": return <>{count(number("judgements"))} judgements: {Object.entries(result.scorers ?? {}).map(([name, { passed, failed }]) => `${reveal(name)} ${percent(passed / Math.max(1, passed + failed))}`).join(", ")} passed</>;
    case "pair": return <>{digits(number("pairs"))} pairs{child && <> · <Link className="text-accent" href={href("/datasets", { version: child })}>the dataset</Link></>}</>;
    case "gate": return <>{points(number("effect"))} points{shown.certificate_id && <> · <Link className="text-accent" href={href("/experiments/certificate", { id: shown.certificate_id })}>the certificate</Link></>}</>;
    case "promote": return <>{reveal(String(result["reason"] ?? ""))}</>;
    case "verify_live": return <>{result["live"] ? "a run was answered by it" : "no run was answered by it"}{child && <> · <Link className="text-accent" href={href("/workflows/run", { id: child })}>{shortId(child)}</Link></>}</>;
    default: return null;
  }
}
