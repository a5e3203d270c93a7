/** The loop, drawn as the loop: six counts and the way back. */
"use client";

import clsx from "clsx";
import { ArrowRight, Dumbbell, Flag, type LucideIcon, PenLine, Play, Scale, ScrollText } from "lucide-react";

import { type Overview, toJudge } from "@/kit/api/overview";
import { ago, clockTime, count, digits, points } from "@/kit/format/format";
import { NavLink as Link } from "@/kit/shell/NavLink";

interface Stage { icon: LucideIcon; name: string; path: string; value: number; note: string; /** Somebody has to act here. */ mine?: boolean }

function stages(now: Overview): Stage[] {
  const { loop, under_way, latest_move } = now;
  const running = under_way.runs.filter((run) => run.state === "running").length, open = toJudge(now);
  const training = under_way.trainings.find((each) => each.state === "running");
  const verdict = now.certificates[0];
  return [
    { icon: Play, name: "Run", path: "/workflows/", value: loop.runs, note: running ? `${running} running now` : "none running now" },
    { icon: ScrollText, name: "Observe", path: "/interactions/", value: loop.turns, note: `${count(loop.turns_today)} turns today` },
    { icon: PenLine, name: "Judge", path: "/annotations/", value: loop.judgements, note: open ? `${count(open)} wait for you` : `${count(loop.pairs)} pairs made`, mine: open > 0 },
    { icon: Dumbbell, name: "Train", path: "/training/", value: loop.trainings, note: training ? (training.steps ? `1 live, step ${training.step ?? 0}/${training.steps}` : "1 live") : `on ${count(loop.pairs)} pairs` },
    { icon: Scale, name: "Prove", path: "/experiments/", value: loop.verdicts, note: verdict ? `last: ${verdict.verdict.replace("_", " ")}, ${points(verdict.effect)}` : "no verdict yet" },
    { icon: Flag, name: "Promote", path: "/registry/", value: loop.promotions, note: latest_move ? `${latest_move.alias}, ${ago(latest_move.at)}` : "nothing yet" },
  ];
}

export function Loop({ now }: { now: Overview }) {
  const all = stages(now);
  return (
    <section aria-label="The loop" className="rounded-card border border-border bg-subtle p-3.5">
      <ol className="grid grid-cols-2 gap-2 sm:grid-cols-3 lg:flex lg:items-center">
        {all.map(({ icon: Icon, name, path, value, note, mine }, at) => (
          <li key={name} className="flex min-w-0 flex-1 items-center gap-2">
            {at > 0 && <ArrowRight aria-hidden size={18} strokeWidth={1.5} className="shrink-0 text-text-3 max-lg:hidden" />}
            <Link href={path} title={digits(value)} className={clsx("min-w-0 flex-1 rounded-card border bg-surface px-3 py-2 hover:bg-hover", mine ? "border-accent-line ring-1 ring-accent-line" : "border-border")}>
              <span className="flex items-center gap-1.5"><Icon aria-hidden size={14} strokeWidth={1.75} /> {name}</span>
              <span className="nums block text-fig font-semibold text-text">{count(value)}</span>
              <span className="nums block truncate text-xs text-text-3" title={note}>{note}</span>
            </Link>
          </li>
        ))}
      </ol>
      <WayBack now={now} />
    </section>
  );
}

/** The line from Promote back to Run, with what it carries. */
function WayBack({ now: { latest_move: move } }: { now: Overview }) {
  const words = move === null ? <>The next run uses what is promoted. Nothing has been yet.</>
    : move.kind === "rollback" ? <>The next run uses what was before: <strong>{move.alias}</strong> was rolled back {ago(move.at)}</>
    : <>The next run uses what was promoted: <strong>{move.alias}</strong> answers with <strong>{move.candidate ?? "the candidate"}</strong> since {clockTime(move.at)}</>;
  return (
    <div className="mt-1.5 flex items-stretch lg:px-[5%]">
      <span aria-hidden className="relative h-3.5 min-w-6 flex-1 rounded-bl-[6px] border-b-[1.5px] border-l-[1.5px] border-text-3 max-lg:hidden">
        <span className="absolute -top-0.5 -left-[5px] size-2 rotate-45 border-t-[1.5px] border-l-[1.5px] border-text-3" />
      </span>
      <p className="px-3 pt-1 text-center text-xs max-lg:w-full">{words}</p>
      <span aria-hidden className="h-3.5 min-w-6 flex-1 rounded-br-[6px] border-r-[1.5px] border-b-[1.5px] border-text-3 max-lg:hidden" />
    </div>
  );
}
