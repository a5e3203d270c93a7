/** What starts by the clock: each schedule with its next time, and one of them with what comes and what came. */
"use client";

import clsx from "clsx";
import { CalendarClock, CalendarPlus, Pause } from "lucide-react";
import Link from "next/link";
import { useState } from "react";

import type { ScheduleShown } from "@/kit/api/schema";
import { clockTime } from "@/kit/format/format";
import { reveal } from "@/kit/text/Untrusted";
import { Button } from "@/kit/ui/Button";
import { Card, PageHeader } from "@/kit/ui/Card";
import { Chip } from "@/kit/ui/Chip";
import { EmptyState, ErrorBox, Skeleton } from "@/kit/ui/Moments";
import { say } from "@/kit/ui/Toast";
import { href, useUrl } from "@/kit/url";

import { useSchedules } from "./queries";
import { Schedule } from "./Schedule";
import { ScheduleForm } from "./ScheduleForm";

export function Schedules() {
  const { data, error, isPending, refetch } = useSchedules();
  const { get, set } = useUrl();
  const [making, setMaking] = useState(false);
  const [changing, setChanging] = useState<ScheduleShown | null>(null); // held here: its form stays, whatever the list becomes
  const found = data?.items ?? [];
  const open = found.find((each) => each.id === get("id")) ?? found[0];
  return (
    <>
      <PageHeader title="Schedules" note="What starts by the clock, and what came of it." actions={<Button icon={CalendarPlus} onClick={() => setMaking(true)}>New schedule</Button>} />
      {making && <ScheduleForm onClose={() => setMaking(false)} onSaved={(made) => set({ id: made.id })} />}
      {changing && <ScheduleForm schedule={found.find((each) => each.id === changing.id) ?? changing} onClose={() => setChanging(null)} onSaved={(saved) => say(`${saved.name} is changed`)} />}
      {isPending && <Skeleton rows={4} />}
      {error && <ErrorBox error={error} retry={() => void refetch()} />}
      {data && !open && (
        <EmptyState icon={CalendarClock} title="Nothing starts by the clock yet" command="camel-ext schedules add nightly evaluation.start_evaluation --cron '30 2 * * *' --arg suite=NAME --arg workflow=NAME">
          Runs, evaluations, improvements, datasets and trainings can: by cron in a time zone, by interval, or once.
        </EmptyState>
      )}
      {open && (
        <div className="grid max-w-6xl gap-3.5 lg:grid-cols-[minmax(280px,2fr)_minmax(0,3fr)]">
          <Card title="All" note={<span className="nums">{found.length}</span>} flush className="self-start">
            <ul>{found.map((each) => <Row key={each.id} shown={each} open={each.id === open.id} />)}</ul>
          </Card>
          <Schedule key={open.id} shown={open} onChange={() => setChanging(open)} />
        </div>
      )}
    </>
  );
}

function Row({ shown, open }: { shown: ScheduleShown; open: boolean }) {
  return (
    <li className={clsx("border-t border-border", open && "bg-accent-soft")}>
      <Link href={href("/settings/schedules", { id: shown.id })} aria-current={open ? "true" : undefined} scroll={false} className="flex min-h-(--row) items-center gap-3 px-4 py-1.5 hover:bg-hover">
        <span className="min-w-0 flex-1">
          <span className="block truncate font-[550] text-text">{shown.name}</span>
          <span className="block truncate text-xs text-text-3">{reveal(shown.words)}</span>
        </span>
        {shown.paused ? <Chip tone="cancelled" icon={Pause}>Paused</Chip> : <span className="nums text-right text-text-2">{shown.next_at ? clockTime(shown.next_at) : "never again"}</span>}
      </Link>
    </li>
  );
}
