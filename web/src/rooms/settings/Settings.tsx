/** The look, the keyboard, keys and members, the server. */
"use client";

import { BellRing, CalendarClock, ListChecks } from "lucide-react";

import { LinkButton } from "@/kit/ui/Button";
import { PageHeader } from "@/kit/ui/Card";

import { Keys } from "./Keys";
import { Look } from "./Look";
import { Members } from "./Members";
import { Server } from "./Server";
import { Status } from "./Status";

export function Settings() {
  return (
    <>
      <PageHeader title="Settings" note="Yours in every browser; keys and members are the organisation's." actions={<><LinkButton href="/settings/notifications/" icon={BellRing}>Notifications</LinkButton><LinkButton href="/settings/schedules/" icon={CalendarClock}>Schedules</LinkButton><LinkButton href="/settings/jobs/" icon={ListChecks}>Jobs</LinkButton></>} />
      <div className="grid max-w-5xl gap-3.5 lg:grid-cols-[minmax(280px,1fr)_minmax(0,2fr)]">
        <div className="min-w-0 space-y-3.5"><Look /><Server /><Status /></div>
        <div className="min-w-0 space-y-3.5"><Keys /><Members /></div>
      </div>
    </>
  );
}
