/** What an improvement would do and could prove, before anything starts. */
"use client";
import { TriangleAlert } from "lucide-react";

import { cost, count, digits, duration, percent, points } from "@/kit/format/format";
import { reveal } from "@/kit/text/Untrusted";
import { FigureStrip } from "@/kit/ui/Card";
import type { ImprovePlanShown } from "@/kit/api/schema";

import { useCertificate, useCertificates } from "./queries";

export function PlanView({ plan }: { plan: ImprovePlanShown }) {
  const last = useCertificates(plan.workflow).data?.items[0];
  const before = useCertificate(last?.id ?? null).data;
  const calls = plan.candidates + 2 * plan.heldout_goals;
  return (
    <section aria-label="The plan" className="space-y-2.5">
      <FigureStrip figures={[
        { label: "Smallest gain that shows", value: points(plan.smallest_gain), note: `points, power ${percent(plan.power)}` },
        { label: "Examination", value: digits(plan.heldout_goals), note: `goals, ${digits(plan.heldout_topics)} topics` },
        { label: "Answers to judge", value: digits(plan.candidates), note: `of ${digits(plan.goals)} goals` },
        { label: "May err", value: `${Number((100 * plan.alpha).toPrecision(2))} %`, note: `look ${plan.cycle}` },
      ]} />
      <p>{reveal(plan.agent)} answers by {reveal(plan.baseline)} now; if the proof is good, the alias {reveal(plan.alias)} moves. A candidate that changes nothing is called “not worse” with a chance of {percent(plan.not_worse_equal)}. Assumed from {reveal(plan.assumed_from)}.
        {" "}About {count(calls)} calls of the model: {count(plan.candidates)} answers to judge, then twice {digits(plan.heldout_goals)} goals.{before && ` The last one took ${duration(before.wall_s)} and ${cost(before.cost.usd_micros)}${before.cost.cpu_s ? ` + ${Math.round(before.cost.cpu_s)} CPU-s of training` : ""}.`}</p>
      {plan.warnings.map((warning) => <p key={warning} className="flex gap-2 rounded-control bg-attention-soft px-3 py-2 text-attention"><TriangleAlert aria-hidden size={16} className="mt-0.5 shrink-0" /> {reveal(warning)}</p>)}
    </section>
  );
}
