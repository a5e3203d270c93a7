/** Evaluate a workflow or a model on a suite: what it would show and take comes first, then the start. */
"use client";

import { useRouter } from "next/navigation";
import { useState } from "react";

import { idempotencyKey } from "@/kit/api/client";
import type { EvaluationStart, PlanAsked } from "@/kit/api/schema";
import { href } from "@/kit/url";
import { Button } from "@/kit/ui/Button";
import { Dialog } from "@/kit/ui/Dialog";
import { SelectField, TextField } from "@/kit/ui/Field";
import { ErrorBox, Skeleton } from "@/kit/ui/Moments";

import { readPins } from "./policy";
import { useEvaluate, usePlan, useSuites, useWorkflows } from "./queries";
import { Power } from "./Side";

export function EvaluateDialog({ onClose }: { onClose: () => void }) {
  const suites = useSuites(), workflows = useWorkflows();
  if (!suites.data || !workflows.data) return <Dialog open onClose={onClose} title="Evaluate" actions={<Button onClick={onClose}>Close</Button>}>{suites.error || workflows.error ? <ErrorBox error={suites.error ?? workflows.error} /> : <Skeleton />}</Dialog>;
  return <Form suites={suites.data.items.map((each) => each.name)} workflows={workflows.data.map((each) => each.name)} onClose={onClose} />;
}

function Form({ suites, workflows, onClose }: { suites: string[]; workflows: string[]; onClose: () => void }) {
  const router = useRouter();
  const [suite, setSuite] = useState(suites[0] ?? "");
  const [target, setTarget] = useState(workflows[0] ? `workflow:${workflows[0]}` : "model");
  const [model, setModel] = useState("");
  const [pins, setPins] = useState("");
  const [seed, setSeed] = useState("0");
  const [parallel, setParallel] = useState("4");
  const [planned, setPlanned] = useState<string | null>(null);
  const [key] = useState(idempotencyKey);
  const start = useEvaluate();
  let wrong: string | null = null;
  let models: Record<string, string> = {};
  try { models = readPins(pins); } catch (error) { wrong = (error as Error).message; }
  const what = target === "model" ? { model } : { workflow: target.slice("workflow:".length), models };
  const asked = { suite, seed: Number(seed) || 0, ...what } as PlanAsked;
  const shape = JSON.stringify(asked);
  const plan = usePlan(planned === shape ? asked : null);
  const ready = suite && !wrong && (target !== "model" || model);
  const go = () => start.mutate({ body: { ...asked, parallel: Number(parallel) || 1, priority: 0, reuse: true } as unknown as EvaluationStart, key }, { onSuccess: (made) => { onClose(); router.push(href("/evaluation/evaluation", { id: made.id })); } });
  return (
    <Dialog open wide onClose={onClose} title="Evaluate what, on which suite?" actions={<>
      <Button onClick={onClose}>Leave</Button>
      <Button kind={plan.data ? "default" : "ink"} busy={plan.isFetching} disabled={!ready} onClick={() => setPlanned(shape)}>Show the plan</Button>
      {plan.data && <Button kind="ink" busy={start.isPending} onClick={go}>Start</Button>}
    </>}>
      <div className="grid gap-3 sm:grid-cols-2">
        <SelectField label="Suite" value={suite} onChange={(event) => setSuite(event.target.value)} options={suites.map((each) => ({ value: each, label: each }))} />
        <SelectField label="Target" value={target} onChange={(event) => setTarget(event.target.value)} options={[...workflows.map((each) => ({ value: `workflow:${each}`, label: `Workflow ${each}` })), { value: "model", label: "A model by itself" }]} />
        {target === "model" ? <TextField label="Model" value={model} placeholder="bundled, or bundled/brief@1" onChange={(event) => setModel(event.target.value)} help="An alias, model, adapter or version." />
          : <TextField label="Aliases stand for" value={pins} error={wrong} placeholder="small=bundled/brief" onChange={(event) => setPins(event.target.value)} help="Left out: what they stand for now. Pinned at the start." />}
        <TextField label="Seed" inputMode="numeric" value={seed} onChange={(event) => setSeed(event.target.value.replace(/\D/g, ""))} help="Take the same for both sides." />
        <TextField label="Cases at a time" inputMode="numeric" value={parallel} onChange={(event) => setParallel(event.target.value.replace(/\D/g, ""))} />
      </div>
      {plan.error && <ErrorBox error={plan.error} title="This cannot be evaluated so" />}
      {plan.data && <section aria-label="The plan"><h3>What {plan.data.n} cases in {plan.data.topics} topics can show</h3><Power plan={plan.data} /></section>}
      {start.error && <ErrorBox error={start.error} />}
    </Dialog>
  );
}
