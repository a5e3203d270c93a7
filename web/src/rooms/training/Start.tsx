/** Start a training: pairs, preset, every number with its meaning; a look at time, memory and the first batch; then the start. */
"use client";

import { TriangleAlert } from "lucide-react";
import { useRouter } from "next/navigation";
import { useState } from "react";

import { idempotencyKey } from "@/kit/api/client";
import type { TrainingShown, TrainingStart } from "@/kit/api/schema";
import { reveal } from "@/kit/text/Untrusted";
import { href } from "@/kit/url";
import { Button } from "@/kit/ui/Button";
import { Dialog } from "@/kit/ui/Dialog";
import { SelectField, TextField } from "@/kit/ui/Field";
import { ErrorBox, Skeleton } from "@/kit/ui/Moments";

import { HyperFields } from "./HyperFields";
import { Look } from "./Look";
import { preflightOf } from "./progress";
import { isOpen, useDatasets, useEnvironment, useHyper, useModels, usePresets, useStart, useTraining } from "./queries";

export function StartDialog({ from, dataset = null, onClose }: { from?: TrainingShown; /** The one to begin with. */ dataset?: string | null; onClose: () => void }) {
  const all = [useDatasets(), useModels(), usePresets(), useHyper()] as const;
  const [datasets, models, presets, hyper] = all;
  const failed = all.find((each) => each.error)?.error;
  if (failed || !datasets.data || !models.data || !presets.data || !hyper.data) {
    return <Dialog open onClose={onClose} title="Train an adapter" actions={<Button onClick={onClose}>Close</Button>}>{failed ? <ErrorBox error={failed} /> : <Skeleton />}</Dialog>;
  }
  const sets = datasets.data.items.flatMap(({ name, last_number }) => Array.from({ length: last_number }, (_, at) => `${name}@${last_number - at}`));
  return <Form sets={sets} bases={models.data.items.filter((each) => each.kind === "base").map((each) => each.name)} presets={presets.data} hyper={hyper.data.items} from={from} wanted={dataset} onClose={onClose} />;
}

type Props = {
  sets: string[]; bases: string[]; presets: NonNullable<ReturnType<typeof usePresets>["data"]>; hyper: NonNullable<ReturnType<typeof useHyper>["data"]>["items"];
  from: TrainingShown | undefined; wanted: string | null; onClose: () => void;
};

function Form({ sets, bases, presets, hyper, from, wanted, onClose }: Props) {
  const router = useRouter();
  const environment = useEnvironment().data;
  const [name, setName] = useState(from?.name ?? "");
  const [base, setBase] = useState(from?.base.split("@")[0] ?? bases[0] ?? "");
  const [dataset, setDataset] = useState(from?.dataset ?? sets.find((each) => each === wanted) ?? sets[0] ?? "");
  const [preset, setPreset] = useState(from?.preset ?? presets.default);
  const [priority, setPriority] = useState("0");
  const [seed, setSeed] = useState("");
  const chosen = presets.items.find((each) => each.name === preset);
  const [changes, setChanges] = useState<Record<string, unknown>>({});
  const [keys, setKeys] = useState<{ look: string; start: string } | null>(null);
  const look = useStart(), start = useStart();
  const looked = useTraining(look.data?.id);
  const body: TrainingStart = { name, base, dataset, preset, priority: Number(priority) || 0, hyper: changes as TrainingStart["hyper"], dry_run: false, ...(seed ? { seed: Number(seed) } : {}) } as TrainingStart;
  const shape = JSON.stringify(body);
  const fresh = keys?.look === shape;
  const found = fresh ? preflightOf(looked.data?.preflight) : null;
  const looking = fresh && (look.isPending || (looked.data ? isOpen(looked.data.state) && !found : look.isSuccess));
  const missing = !name ? "Give it a name first" : !dataset ? "There is no dataset yet" : undefined;
  const doLook = () => { setKeys({ look: shape, start: idempotencyKey() }); look.mutate({ body: { ...body, dry_run: true }, key: idempotencyKey() }); };
  const doStart = () => start.mutate({ body, key: keys?.start ?? idempotencyKey() }, { onSuccess: (made) => { onClose(); router.push(href("/training", { id: made.id })); } });
  return (
    <Dialog open wide onClose={onClose} title="Train an adapter" actions={<>
      <Button onClick={onClose}>Leave</Button>
      <Button kind={found ? "default" : "ink"} busy={looking} disabled={Boolean(missing)} reason={missing} onClick={doLook}>Look first</Button>
      {found && <Button kind="ink" busy={start.isPending} onClick={doStart}>Train</Button>}
    </>}>
      {environment && !environment.ready && <p className="flex gap-2 rounded-control bg-attention-soft px-3 py-2 text-attention"><TriangleAlert aria-hidden size={16} className="mt-0.5 shrink-0" /> {reveal(environment.advice ?? "")}</p>}
      <div className="grid gap-3 sm:grid-cols-2 lg:grid-cols-3">
        <TextField label="Name" value={name} maxLength={64} placeholder="brevity" help={`Becomes ${base || "base"}/${name || "name"}`} onChange={(event) => setName(event.target.value)} />
        <SelectField label="Base" value={base} onChange={(event) => setBase(event.target.value)} options={bases.map((each) => ({ value: each, label: each }))} />
        <SelectField label="Dataset version" value={dataset} onChange={(event) => setDataset(event.target.value)} options={sets.map((each) => ({ value: each, label: each }))} />
        <SelectField label="Preset" value={preset} help={chosen ? reveal(chosen.words) : undefined} onChange={(event) => { setPreset(event.target.value); setChanges({}); }} options={presets.items.map((each) => ({ value: each.name, label: each.name }))} className="lg:col-span-1" />
        <TextField label="Priority" inputMode="numeric" value={priority} help="Higher is trained first; 0 is usual." onChange={(event) => setPriority(event.target.value.replace(/[^\d-]/g, ""))} />
        <TextField label="Seed" inputMode="numeric" value={seed} placeholder="0" help="Order of pairs and first weights." onChange={(event) => setSeed(event.target.value.replace(/\D/g, ""))} />
      </div>
      <HyperFields hyper={hyper} preset={(chosen?.hyper ?? {}) as Record<string, unknown>} changes={changes} onChange={setChanges} />
      {fresh && look.error && <ErrorBox error={look.error} title="This cannot be trained so" />}
      {fresh && looked.data?.error_code && <p role="alert" className="rounded-control border border-failed p-3">{reveal(looked.data.error_detail ?? "")} {looked.data.error_advice && <strong>{reveal(looked.data.error_advice)}</strong>} <span className="font-mono text-xs">{looked.data.error_code}</span></p>}
      {looking && <p role="status" className="text-text-3">Looks: loads the base, counts tokens, measures a step{looked.data?.progress ? `; ${String((looked.data.progress as { phase?: string }).phase ?? "waits for its turn")}` : ""}.</p>}
      {found && <div ref={showOnce}><Look found={found} /></div>}
      {start.error && <ErrorBox error={start.error} />}
    </Dialog>
  );
}

/** Bring what was found into sight, once, when it comes. */
function showOnce(box: HTMLDivElement | null) {
  box?.scrollIntoView({ block: "nearest" });
}
