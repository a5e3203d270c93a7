/** Compare two evaluations by a policy that is written before anybody looks; the verdict is written once. */
"use client";

import { useRouter } from "next/navigation";
import { useState } from "react";

import { idempotencyKey } from "@/kit/api/client";
import type { ComparisonMake, EvaluationShown, PlanAsked } from "@/kit/api/schema";
import { href } from "@/kit/url";
import { Button } from "@/kit/ui/Button";
import { Dialog } from "@/kit/ui/Dialog";
import { SelectField, TextField } from "@/kit/ui/Field";
import { ErrorBox } from "@/kit/ui/Moments";

import { type Policy, readGuardrails } from "./policy";
import { useCompare, usePlan } from "./queries";
import { Power } from "./Side";
import { SideFields, useSides } from "./TwoSides";

export function CompareDialog({ done, onClose }: { done: EvaluationShown[]; onClose: () => void }) {
  const router = useRouter();
  const sides = useSides(done);
  const { candidate, baseline, version, scorers } = sides;
  const [primary, setPrimary] = useState("");
  const [level, setLevel] = useState("0.05");
  const [margin, setMargin] = useState("0.05");
  const [rails, setRails] = useState("error=0.05");
  const [planned, setPlanned] = useState<string | null>(null);
  const [key] = useState(idempotencyKey);
  const compare = useCompare();
  let wrong: string | null = null;
  let guardrails: Policy["guardrails"] = [];
  try { guardrails = readGuardrails(rails); } catch (error) { wrong = (error as Error).message; }
  const policy = { primary: primary || version?.primary || "", level: Number(level), margin: Number(margin), guardrails } as Policy;
  const target = candidate.target_kind === "workflow" ? { workflow: candidate.target, models: Object.fromEntries(Object.entries((candidate.pinned as { models?: Record<string, { version_id: string }> }).models ?? {}).map(([alias, each]) => [alias, each.version_id])) } : { model: candidate.target };
  const asked = { suite: `${candidate.suite}@${version?.number}`, seed: candidate.seed, policy, ...target } as unknown as PlanAsked;
  const shape = JSON.stringify([asked, baseline?.id]);
  const plan = usePlan(planned === shape ? asked : null);
  const go = () => baseline && compare.mutate({ body: { baseline_id: baseline.id, candidate_id: candidate.id, policy } as ComparisonMake, key }, { onSuccess: (made) => { onClose(); router.push(href("/evaluation/comparison", { id: made.id })); } });
  return (
    <Dialog open wide onClose={onClose} title="Compare which two?" actions={<>
      <Button onClick={onClose}>Leave</Button>
      <Button kind={plan.data ? "default" : "ink"} busy={plan.isFetching} disabled={!baseline || !version || Boolean(wrong)} onClick={() => setPlanned(shape)}>Show the plan</Button>
      {plan.data && <Button kind="ink" busy={compare.isPending} onClick={go}>Compare</Button>}
    </>}>
      <p>Write the policy before you look: a comparison that is repeated until it pleases is wrong more often than its level says.</p>
      <SideFields done={done} sides={sides} onCandidate={() => setPrimary("")} />
      <div className="grid gap-3 sm:grid-cols-3">
        <SelectField label="Must improve" value={policy.primary} onChange={(event) => setPrimary(event.target.value)} options={scorers.map(({ name }) => ({ value: name, label: name }))} />
        <TextField label="Level" inputMode="decimal" value={level} help="Error the verdict may make." onChange={(event) => setLevel(event.target.value)} />
        <TextField label="Margin" inputMode="decimal" value={margin} help="A loss up to this is “not worse”." onChange={(event) => setMargin(event.target.value)} />
      </div>
      <TextField label="Guardrails" value={rails} error={wrong} help="May not get worse by more than: relevant=0.1, error=0.05, latency_ms=30%" onChange={(event) => setRails(event.target.value)} />
      {plan.error && <ErrorBox error={plan.error} title="This policy does not fit" />}
      {plan.data && <section aria-label="The plan"><h3>What {plan.data.n} cases in {plan.data.topics} topics can show</h3><Power plan={plan.data} /></section>}
      {compare.error && <ErrorBox error={compare.error} />}
    </Dialog>
  );
}
