/** What runs, what waits for me, are we getting better? */
"use client";

import { Play } from "lucide-react";
import { useRouter } from "next/navigation";

import { type Overview, toJudge, useOverview } from "@/kit/api/overview";
import { count } from "@/kit/format/format";
import { useKeys } from "@/kit/keys/useKeys";
import { LinkButton } from "@/kit/ui/Button";
import { PageHeader } from "@/kit/ui/Card";
import { EmptyState, ErrorBox, Skeleton } from "@/kit/ui/Moments";
import { href } from "@/kit/url";

import { Latest } from "./Latest";
import { Loop } from "./Loop";
import { Trends } from "./Trends";
import { UnderWay } from "./Under";
import { Waits } from "./Waits";

const START = href("/workflows", { start: true });

/** "2 runs live, 38 pairs and 1 approval wait for you" */
function summary(now: Overview): string {
  const live = now.under_way.runs.filter((run) => run.state === "running").length, pairs = toJudge(now);
  const decisions = now.waiting.runs.length + now.waiting.improvements.length;
  const waits = [pairs > 0 && `${count(pairs)} to judge`, decisions > 0 && `${decisions} to decide`].filter(Boolean).join(" and ");
  return `${live === 1 ? "1 run" : `${live} runs`} live, ${waits ? `${waits} wait for you` : "nothing waits for you"}`;
}

export function Home() {
  const { data, error, isPending, refetch } = useOverview();
  const router = useRouter();
  useKeys("Home", [{ keys: "n", label: "Start a run", run: () => router.push(START) }]);
  return (
    <>
      <PageHeader title="Home" note={data && summary(data)} actions={<LinkButton kind="ink" icon={Play} keyCap="N" href={START}>Start a run</LinkButton>} />
      {isPending && <Skeleton rows={8} />}
      {error && !data && <ErrorBox error={error} retry={() => void refetch()} />}
      {data && <Sum now={data} />}
    </>
  );
}

function Sum({ now }: { now: Overview }) {
  if (now.loop.runs === 0 && now.loop.turns === 0 && now.under_way.runs.length === 0) {
    return (
      <>
        <Loop now={now} />
        <EmptyState icon={Play} title="Nothing has run yet" action={<LinkButton kind="accent" href={START}>Start a run</LinkButton>} command="camel-ext demo">
          Watch a team of agents answer a goal; the demo also makes one of them measurably better, in some minutes.
        </EmptyState>
      </>
    );
  }
  return (
    <div className="grid gap-3.5 xl:grid-cols-[minmax(0,2fr)_minmax(300px,1fr)]">
      <div className="min-w-0 xl:col-span-2"><Loop now={now} /></div>
      <div className="min-w-0 space-y-3.5"><UnderWay now={now} /><Trends now={now} /></div>
      <div className="min-w-0 space-y-3.5"><Latest now={now} /><Waits now={now} /></div>
    </div>
  );
}
