/** What goes on now: runs, trainings, improvements, each with how far it is. */
"use client";

import { ArrowRight } from "lucide-react";
import { useEffect, useState } from "react";

import type { Overview } from "@/kit/api/overview";
import { duration } from "@/kit/format/format";
import { NavLink as Link } from "@/kit/shell/NavLink";
import { Untrusted } from "@/kit/text/Untrusted";
import { LinkButton } from "@/kit/ui/Button";
import { Card } from "@/kit/ui/Card";
import { StateIcon } from "@/kit/ui/Chip";
import { href } from "@/kit/url";

const MOST = 6;

interface Row { id: string; path: string; state: string; title: string; note: string; ratio: number | null; time: string; decide?: string | undefined }

function rows({ under_way }: Overview, nowMs: number): Row[] {
  const since = (iso: string) => duration(Math.max(0, (nowMs - Date.parse(iso)) / 1000));
  return [
    ...under_way.improvements.map((each) => ({
      id: each.id, path: href("/experiments/improvement", { id: each.id }), state: each.state, title: `Improving ${each.agent} of ${each.workflow}`,
      note: each.waiting_for === "person" ? "waits for your decision" : each.stage ? `stage ${each.stage_number} of ${each.stages}: ${each.stage.replaceAll("_", " ")}` : "queued",
      ratio: each.stages ? each.stage_number / each.stages : null, time: since(each.created_at), decide: each.waiting_for === "person" ? "Decide" : undefined,
    })),
    ...under_way.trainings.map((each) => ({
      id: each.id, path: href("/training", { id: each.id }), state: each.state, title: `Training ${each.name}`,
      note: [each.dataset, each.steps ? `step ${each.step ?? 0} of ${each.steps}` : each.state, each.alarms ? `${each.alarms} alarms` : ""].filter(Boolean).join(" · "),
      ratio: each.progress_ratio, time: each.eta_s === null ? since(each.created_at) : `${duration(each.eta_s)} left`,
    })),
    ...under_way.runs.map((each) => ({
      id: each.id, path: href("/workflows/run", { id: each.id }), state: each.state, title: each.title || each.workflow,
      note: [each.workflow, each.waiting_detail ?? (each.max_turns ? `turn ${each.turns} of at most ${each.max_turns}` : `${each.turns} turns`)].join(" · "),
      ratio: each.max_turns ? each.turns / each.max_turns : null, time: since(each.started_at ?? each.created_at), decide: each.waiting_for === "person" ? "Review" : undefined,
    })),
  ];
}

export function UnderWay({ now }: { now: Overview }) {
  const all = rows(now, useNow());
  return (
    <Card title="Running now" note={all.length > 0 && <span className="nums">{all.length}</span>} flush
      actions={<Link href="/workflows/" className="flex min-h-6 items-center gap-1 hover:text-text">All runs <ArrowRight aria-hidden size={14} /></Link>}>
      {all.length === 0 && <p className="border-t border-border px-4 py-4 text-text-3">Nothing runs. What is started anywhere appears here by itself.</p>}
      <ul>
        {all.slice(0, MOST).map(({ id, path, state, title, note, ratio, time, decide }) => (
          <li key={id} className="flex items-center gap-3 border-t border-border px-4 py-2 hover:bg-hover">
            <StateIcon state={state} />
            <Link href={path} className="min-w-0 flex-1">
              <span className="block truncate font-[550] text-text"><Untrusted inline text={title} /></span>
              <span className="block truncate text-xs"><Untrusted inline text={note} /></span>
            </Link>
            {decide ? <LinkButton href={path}>{decide}</LinkButton> : ratio !== null && <Bar ratio={ratio} />}
            <span className="nums w-16 text-right whitespace-nowrap max-sm:hidden">{time}</span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Bar({ ratio }: { ratio: number }) {
  return (
    <span role="progressbar" aria-label="How far" aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(ratio * 100)} className="h-1 w-24 overflow-hidden rounded-full bg-sunken max-sm:hidden">
      <span className="block h-full bg-running" style={{ width: `${Math.min(1, ratio) * 100}%` }} />
    </span>
  );
}

/** The time, told once a second while the page is looked at. */
function useNow(): number {
  const [ms, setMs] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => { if (!document.hidden) setMs(Date.now()); }, 1000);
    return () => clearInterval(timer);
  }, []);
  return ms;
}
