/** Start an improvement: what, whose answers, the plan with its power and cost, and only then the start. */
"use client";

import { useRouter } from "next/navigation";
import { useDeferredValue, useMemo, useState } from "react";
import { parse, stringify } from "yaml";

import { href } from "@/kit/url";
import { reveal } from "@/kit/text/Untrusted";
import { Button } from "@/kit/ui/Button";
import { Dialog } from "@/kit/ui/Dialog";
import { SelectField, TextArea, TextField } from "@/kit/ui/Field";
import { ErrorBox, Skeleton } from "@/kit/ui/Moments";
import type { ImproveStart } from "@/kit/api/schema";

import { PlanView } from "./PlanView";
import { newKey, useImprovement, useImprovements, usePlan, useStart, useWorkflows } from "./queries";
import { agentsOf, TEMPLATE } from "./template";

interface From { workflow: string; config: unknown }

export function ImproveDialog({ from, onClose }: { from?: From; onClose: () => void }) {
  const workflows = useWorkflows(true);
  const improvements = useImprovements();
  const last = improvements.data?.items[0];
  const lastWhole = useImprovement(from ? null : last?.id);
  const [begun, setBegun] = useState<{ from: From | undefined } | null>(null); // what it began with stays: the list changes as soon as it starts
  if (workflows.error) return <Dialog open onClose={onClose} title="Improve which workflow?" actions={<Button onClick={onClose}>Close</Button>}><ErrorBox error={workflows.error} /></Dialog>;
  if (begun === null && workflows.data && (from || (improvements.data && (!last || lastWhole.data || lastWhole.error)))) {
    setBegun({ from: from ?? (lastWhole.data ? { workflow: lastWhole.data.workflow, config: lastWhole.data.config } : undefined) });
  }
  if (!begun || !workflows.data) return <Dialog open onClose={onClose} title="Improve which workflow?" actions={<Button onClick={onClose}>Close</Button>}><Skeleton /></Dialog>;
  return <Form workflows={workflows.data} from={begun.from} onClose={onClose} />;
}

function Form({ workflows, from, onClose }: { workflows: { name: string; content: unknown }[]; from: From | undefined; onClose: () => void }) {
  const router = useRouter();
  const [workflow, setWorkflow] = useState(from?.workflow ?? workflows[0]?.name ?? "");
  const agents = agentsOf(workflows.find((each) => each.name === workflow)?.content);
  const [agent, setAgent] = useState("");
  const [seed, setSeed] = useState("");
  const [text, setText] = useState(() => (from ? stringify(from.config, { lineWidth: 100 }) : TEMPLATE));
  const [key] = useState(newKey);
  const [planned, setPlanned] = useState<ImproveStart | null>(null);
  const read = useMemo(() => parsed(text), [text]);
  const body = useDeferredValue(useMemo<ImproveStart | null>(() => (read.config && workflow ? {
    workflow, priority: 0, config: { ...read.config, ...(agent ? { agent } : {}) } as ImproveStart["config"], ...(seed ? { seed: Number(seed) } : {}),
  } : null), [read, workflow, agent, seed]));
  const current = planned !== null && JSON.stringify(planned) === JSON.stringify(body);
  const plan = usePlan(current ? planned : null);
  const start = useStart();
  const go = () => body && start.mutate({ body, key }, { onSuccess: (made) => { onClose(); router.push(href("/experiments/improvement", { id: made.id })); } });
  return (
    <Dialog open wide onClose={onClose} title="Improve which workflow?" actions={<>
      <Button onClick={onClose}>Leave</Button>
      <Button kind={current && plan.data ? "default" : "ink"} busy={current && plan.isFetching} disabled={!body} onClick={() => setPlanned(body)}>Show the plan</Button>
      {current && plan.data && <Button kind="ink" busy={start.isPending} onClick={go}>Start</Button>}
    </>}>
      <div className="grid gap-3 sm:grid-cols-3">
        <SelectField label="Workflow" value={workflow} onChange={(event) => { setWorkflow(event.target.value); setAgent(""); }} options={workflows.map(({ name }) => ({ value: name, label: name }))} />
        <SelectField label="Agent that learns" value={agent} onChange={(event) => setAgent(event.target.value)} options={[{ value: "", label: "As the file says" }, ...agents.map((name) => ({ value: name, label: name }))]} />
        <TextField label="Seed" inputMode="numeric" value={seed} placeholder="drawn, and recorded" onChange={(event) => setSeed(event.target.value.replace(/\D/g, ""))} />
      </div>
      <TextArea label="improve.yaml" rows={current && plan.data ? 6 : 14} spellCheck={false} value={text} onChange={(event) => setText(event.target.value)} error={read.error ? reveal(read.error) : null}
        help={from ? "As it was last time. The gate counts from the moment it starts: it is written before anything is measured." : "Goals to learn from, other goals to be examined on, how an answer is checked, and what counts as better."} className="[&_textarea]:font-mono [&_textarea]:text-xs" />
      {current && plan.error && <ErrorBox error={plan.error} title="This plan cannot start" />}
      {current && plan.data && <PlanView plan={plan.data} />}
      {start.error && <ErrorBox error={start.error} />}
    </Dialog>
  );
}

function parsed(text: string): { config?: Record<string, unknown>; error?: string } {
  try {
    const config: unknown = parse(text);
    return typeof config === "object" && config !== null && !Array.isArray(config) ? { config: config as Record<string, unknown> } : { error: "This is no mapping: begin with `goals:` and `heldout:`." };
  } catch (error) {
    return { error: error instanceof Error ? error.message.split("\n")[0]! : String(error) };
  }
}
