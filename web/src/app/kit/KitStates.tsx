/** Every part of the kit in its states, for eyes and for tests. Not in the navigation; its data is made here and says so. */
"use client";

import { PenLine, Play, Plus, Settings, Trash2 } from "lucide-react";
import { useState } from "react";

import { ApiError } from "@/kit/api/client";
import { Bars, Intervals } from "./KitCharts";
import { Button, IconButton, LinkButton } from "@/kit/ui/Button";
import { Card, FigureStrip, PageHeader } from "@/kit/ui/Card";
import { StateChip, StateIcon, Tag, VerdictChip } from "@/kit/ui/Chip";
import { Copy } from "@/kit/ui/Copy";
import { Dialog } from "@/kit/ui/Dialog";
import { CheckField, SelectField, TextArea, TextField } from "@/kit/ui/Field";
import { EmptyState, ErrorBox, Skeleton } from "@/kit/ui/Moments";
import { say } from "@/kit/ui/Toast";
import { Preview } from "@/kit/text/Preview";
import { Untrusted } from "@/kit/text/Untrusted";
import { WordDiff } from "@/kit/text/WordDiff";

import { KitTable } from "./KitTable";

const STATES = ["queued", "running", "waiting", "succeeded", "failed", "cancelled"];
const PAYLOAD = '<img src=x onerror="alert(1)"> [link](javascript:alert(2)) \u202etxt.exe\u202c zero\u200bwidth';
const PROBLEM = new ApiError(503, { type: "about:blank", title: "The run stopped at turn 9", status: 503, code: "provider.timeout", trace_id: "7f3a00000000000000000000000091c2", errors: [],
  detail: "The provider did not answer within 30 s, three times. Turns 1 to 8 are safe and are not paid for again. Check the provider, then resume from turn 9." });

export function KitStates() {
  return (
    <>
      <PageHeader title="Kit: states and moments" note="Made-up data, to look at the parts." />
      <div className="grid gap-3 lg:grid-cols-2 2xl:grid-cols-3">
        <Card title="Run states and verdicts" note="icon, word, then colour"><Chips /></Card>
        <Card title="Buttons"><Buttons /></Card>
        <Card title="Fields"><Fields /></Card>
        <Card title="Loading" note="after 150 ms" flush><Skeleton label="How loading looks" /></Card>
        <Card title="Empty"><EmptyState icon={PenLine} title="No pairs to judge yet" action={<Button kind="ink" icon={Play}>Run with 2 samples</Button>} command="camel-ext run --samples 2">Pairs appear when an agent answers a goal twice. Two samples a goal are enough.</EmptyState></Card>
        <ErrorBox error={PROBLEM} retry={() => undefined} />
        <Card title="Untrusted text" note="always inert"><Untrusted text={PAYLOAD} className="text-md text-text" /><p className="mt-2"><Preview text={PAYLOAD} mark="link" /></p><div className="mt-3"><WordDiff before="The sky is blue because of scattering." after="The sky looks blue because air scatters blue light." /></div></Card>
        <Card title="Toast and dialog"><Moments /></Card>
        <Card title="Intervals" note="drawn to scale"><Intervals /></Card>
        <Card title="Bars" note="drag to choose"><Bars /></Card>
      </div>
      <div className="mt-3"><FigureStrip figures={[{ label: "Turns", value: "9,412" }, { label: "Success", value: "74 %", note: "n = 120" }, { label: "Tokens", value: "214 + 16" }, { label: "Cost", value: "$0.0041" }]} /></div>
      <KitTable />
    </>
  );
}

function Chips() {
  return (
    <div className="space-y-3">
      <div className="flex flex-wrap gap-2">{STATES.map((state) => <StateChip key={state} state={state} waitingFor={state === "waiting" ? "person" : null} />)}</div>
      <div className="flex flex-wrap gap-2">{["better", "not_worse", "worse", "inconclusive"].map((verdict) => <VerdictChip key={verdict} verdict={verdict} more={80} />)}</div>
      <div className="flex flex-wrap items-center gap-2">{STATES.map((state) => <StateIcon key={state} state={state} />)}<Tag>a fact</Tag><Tag onClick={() => undefined} title="Filter by it">a fact to filter by</Tag><Copy text="5e1f0000c07a" className="font-mono text-xs">5e1f…c07a</Copy></div>
    </div>
  );
}

function Buttons() {
  return (
    <div className="flex flex-wrap gap-2">
      <Button kind="ink" icon={Play} keyCap="N">Start</Button><Button>Default</Button><Button kind="quiet">Quiet</Button><Button kind="accent" keyCap="1">Better</Button><Button kind="danger" icon={Trash2}>Delete</Button><Button kind="danger-fill">Roll back</Button>
      <Button disabled reason="Nothing is selected">Off</Button><Button busy>Saving</Button><LinkButton href="/" icon={Plus}>A link</LinkButton><IconButton icon={Settings} label="Settings" /><IconButton icon={Settings} label="Settings, off" disabled />
    </div>
  );
}

function Fields() {
  return (
    <div className="space-y-3">
      <TextField label="Name" help="Unique in the project" placeholder="answer-pairs" />
      <TextField label="Filter" mono defaultValue="agent:executor latency_ms>2x" error="Character 27: “2x” is no number. Write 800 or 2s." />
      <TextField label="Off" disabled defaultValue="cannot be changed" />
      <SelectField label="Preset" options={[{ value: "quick", label: "Quick" }, { value: "careful", label: "Careful" }]} />
      <TextArea label="Reason" help="Shown on the certificate" rows={2} />
      <CheckField label="Blind" help="Nobody sees who answered" defaultChecked />
    </div>
  );
}

function Moments() {
  const [open, setOpen] = useState(false);
  return (
    <div className="flex flex-wrap gap-2">
      <Button onClick={() => say("12 turns queued", () => say("Taken back"))}>Say it, with a way back</Button>
      <Button onClick={() => setOpen(true)}>Ask</Button>
      <Dialog open={open} onClose={() => setOpen(false)} title="Roll executor back to base?" actions={<><Button autoFocus onClick={() => setOpen(false)}>Keep brevity@2</Button><Button kind="danger-fill" onClick={() => setOpen(false)}>Roll back</Button></>}>
        <p>New runs use base within 3 s. Runs that are going on keep brevity@2. The rollback is itself on record.</p>
        <TextField label="Reason" placeholder="Shown on the certificate" />
      </Dialog>
    </div>
  );
}
