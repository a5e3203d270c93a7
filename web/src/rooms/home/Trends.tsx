/** How each workflow does: success by day, then tokens and cost of a run. */
"use client";

import clsx from "clsx";
import { ArrowRight } from "lucide-react";

import type { Overview } from "@/kit/api/overview";
import { Spark } from "@/kit/charts/Spark";
import { cost, count, percent, points, UNKNOWN } from "@/kit/format/format";
import { NavLink as Link } from "@/kit/shell/NavLink";
import { Card } from "@/kit/ui/Card";
import { href } from "@/kit/url";

import { change } from "./trend";

const MOST = 4;
const HEAD = "px-2 pb-1.5 font-normal text-text-3 first:pl-4 last:pr-4";

export function Trends({ now }: { now: Overview }) {
  if (now.workflows.length === 0) return null;
  return (
    <Card title="Workflows" note="last 14 days" flush actions={<Link href="/configuration/" className="flex min-h-6 items-center gap-1 hover:text-text">Configuration <ArrowRight aria-hidden size={14} /></Link>}>
      <div className="overflow-x-auto" tabIndex={0} role="region" aria-label="Workflows of the last 14 days">
        <table className="nums w-full text-right whitespace-nowrap">
          <thead>
            <tr>
              <th scope="col" className={clsx(HEAD, "text-left")}>Workflow</th><th scope="col" className={HEAD}>Runs</th><th scope="col" className={clsx(HEAD, "text-left")}>Success</th>
              <th scope="col" className={HEAD}>Now, points</th><th scope="col" className={HEAD}>Tokens a run</th><th scope="col" className={HEAD}>Cost a run</th>
            </tr>
          </thead>
          <tbody>{now.workflows.slice(0, MOST).map((trend) => <TrendRow key={trend.workflow} trend={trend} />)}</tbody>
        </table>
      </div>
    </Card>
  );
}

function TrendRow({ trend }: { trend: Overview["workflows"][number] }) {
  const { workflow, runs, succeeded, tokens, cost_usd_micros, days } = trend;
  const ratio = runs ? succeeded / runs : null;
  const { recent, difference } = change(days);
  return (
    <tr className="border-t border-border hover:bg-hover">
      <th scope="row" className="max-w-56 truncate py-2 pl-4 text-left font-[550] text-text"><Link href={href("/workflows", { q: `workflow:${workflow}` })}>{workflow}</Link></th>
      <td className="px-2">{count(runs)}</td>
      <td className="w-28 px-2"><Spark values={days.map((day) => (day.runs ? day.succeeded / day.runs : null))} floor={0} ceiling={1} over="day" label={`Success of ${workflow} by day`} className="h-7 w-24" /></td>
      <td className="px-2"><span className="font-[550] text-text">{percent(recent ?? ratio)}</span> {difference !== null && <span className={difference < 0 ? "text-failed" : difference > 0 ? "text-succeeded" : "text-text-3"}>{points(difference, 0)}</span>}</td>
      <td className="px-2">{runs ? count(Math.round(tokens / runs)) : UNKNOWN}</td>
      <td className="pr-4 pl-2">{runs ? cost(cost_usd_micros / runs) : UNKNOWN}</td>
    </tr>
  );
}
