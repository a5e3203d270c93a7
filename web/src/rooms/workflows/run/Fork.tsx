/** Ask a turn again from the identical prompt, k ways, and choose: a choice is a judgement, and makes a pair. */
"use client";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Check, GitFork } from "lucide-react";
import { useState } from "react";

import { api, idempotencyKey, unwrap } from "@/kit/api/client";
import type { InteractionListed } from "@/kit/api/schema";
import { useVersions } from "@/kit/api/versions";
import { Untrusted } from "@/kit/text/Untrusted";
import { Button } from "@/kit/ui/Button";
import { StateChip, Tag } from "@/kit/ui/Chip";
import { Dialog } from "@/kit/ui/Dialog";
import { SelectField, TextField } from "@/kit/ui/Field";
import { ErrorBox, Skeleton } from "@/kit/ui/Moments";

import { FINAL, useInteraction } from "../queries";
import { type Judged, useJudge } from "./judging";
import { textOf } from "./messages";

const POLL_MS = 1000;

export function ForkDialog({ interactionId, seq, onClose }: { interactionId: string; seq: number | null; onClose: () => void }) {
  const client = useQueryClient();
  const { all } = useVersions();
  const [samples, setSamples] = useState("3");
  const [temperature, setTemperature] = useState("0.9");
  const [model, setModel] = useState("");
  const [key, setKey] = useState(idempotencyKey);
  const forks = useQuery({
    queryKey: ["forks", "of", interactionId],
    queryFn: () => unwrap(api.GET("/api/v1/forks", { params: { query: { interaction_id: interactionId, limit: 20 } } })),
    refetchInterval: (query) => (query.state.data?.items.some((fork) => !FINAL.has(fork.state)) ? POLL_MS : false),
  });
  const going = forks.data?.items.find((fork) => !FINAL.has(fork.state));
  const start = useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/forks", {
      headers: { "Idempotency-Key": key },
      body: { interaction_id: interactionId, samples: Number(samples), priority: 0, variants: [{ ...(temperature === "" ? {} : { temperature: Number(temperature) }), ...(model ? { model } : {}) }] },
    })),
    onSuccess: () => { setKey(idempotencyKey()); void client.invalidateQueries({ queryKey: ["forks"] }); },
  });
  const count = Number(samples), heat = Number(temperature);
  const wrongCount = Number.isInteger(count) && count >= 1 && count <= 64 ? null : "A whole number from 1 to 64";
  const wrongHeat = temperature === "" || (heat >= 0 && heat <= 2) ? null : "From 0 to 2, or empty: as it was";
  return (
    <Dialog open wide onClose={onClose} title={`Ask turn ${seq ?? ""} again?`}
      actions={<><Button onClick={onClose}>Close</Button><Button kind="ink" icon={GitFork} busy={start.isPending || going !== undefined} disabled={Boolean(wrongCount ?? wrongHeat)} onClick={() => start.mutate()}>{going ? `${going.done} of ${going.total}` : "Ask again"}</Button></>}>
      <p>The same messages and tools, byte for byte. No tool is called: where the model asks for one, the wish is the answer.</p>
      <div className="grid gap-3 sm:grid-cols-3">
        <TextField label="Answers" inputMode="numeric" value={samples} error={wrongCount} onChange={(event) => { setSamples(event.target.value); setKey(idempotencyKey()); }} />
        <TextField label="Temperature" inputMode="decimal" value={temperature} error={wrongHeat} onChange={(event) => { setTemperature(event.target.value); setKey(idempotencyKey()); }} />
        <SelectField label="Model" value={model} onChange={(event) => { setModel(event.target.value); setKey(idempotencyKey()); }} options={[{ value: "", label: "As it was" }, ...all.map((each) => ({ value: each.id, label: each.name }))]} />
      </div>
      {(start.error ?? forks.error) && <ErrorBox error={start.error ?? forks.error} />}
      {forks.data?.items.filter((fork) => fork.error_code).map((fork) => <p key={fork.id} className="flex items-center gap-2"><StateChip state={fork.state} /><Untrusted inline text={fork.error_detail ?? ""} /></p>)}
      <Candidates interactionId={interactionId} polling={going !== undefined} done={forks.data?.items.reduce((sum, fork) => sum + fork.done, 0) ?? 0} />
    </Dialog>
  );
}

function Candidates({ interactionId, polling, done }: { interactionId: string; polling: boolean; done: number }) {
  const { nameOf } = useVersions();
  const first = useInteraction(interactionId);
  const answers = useQuery({
    queryKey: ["interactions", "forks-of", interactionId, done],
    queryFn: () => unwrap(api.GET("/api/v1/interactions", { params: { query: { forked_from_id: interactionId, limit: 100 } } })),
    refetchInterval: polling ? POLL_MS : false, placeholderData: (before) => before,
  });
  const [chosen, setChosen] = useState<string | null>(null);
  const judge = useJudge("Judged: the pair waits for a dataset", () => setChosen(null));
  const others = [...(answers.data?.items ?? [])].reverse().filter((each) => each.error_code === null);
  if (answers.error) return <ErrorBox error={answers.error} />;
  if (!answers.data || !first.data) return <Skeleton rows={2} />;
  if (others.length === 0) return polling ? <p className="text-text-3">The first answer is being written.</p> : null;
  const choose = (best: string) => judge.mutate(judgementFor(best, [interactionId, ...others.map((each) => each.id)]), { onSuccess: () => setChosen(best) });
  const card = (id: string, text: string, about: string[]) => (
    <li key={id} className={`flex flex-col rounded-card border p-3 ${chosen === id ? "border-accent bg-accent-soft" : "border-border"}`}>
      <p className="mb-1.5 flex flex-wrap gap-1.5">{about.map((each) => <Tag key={each}>{each}</Tag>)}</p>
      <div className="max-h-56 flex-1 overflow-y-auto"><Untrusted text={text || "(nothing)"} className="text-text" /></div>
      <Button className="mt-2 self-start" icon={Check} disabled={judge.isPending} onClick={() => choose(id)}>{chosen === id ? "Chosen" : "The best"}</Button>
    </li>
  );
  return (
    <section aria-label="Answers to choose from">
      <h3 className="mb-2">{others.length + 1} answers to one prompt: which is the best?</h3>
      {judge.error && <ErrorBox error={judge.error} />}
      <ol className="grid gap-3 md:grid-cols-2">{[card(interactionId, textOf(first.data.answer), ["first answer"]), ...others.map((each) => <Candidate key={each.id} listed={each} card={card} model={nameOf(each.adapter_version_id ?? each.model_version_id)} />)]}</ol>
    </section>
  );
}

function Candidate({ listed, card, model }: { listed: InteractionListed; card: (id: string, text: string, about: string[]) => React.ReactNode; model: string | null }) {
  const whole = useInteraction(listed.id);
  const heat = whole.data?.params.temperature;
  return card(listed.id, whole.data ? textOf(whole.data.answer) : listed.answer_preview, [model ?? "model", ...(typeof heat === "number" ? [`temp ${heat}`] : []), ...(whole.data?.seed == null ? [] : [`seed ${whole.data.seed}`])]);
}

/** One of two is a choice; one of several stands above the rest, which are told no order. */
function judgementFor(best: string, ids: string[]): Judged {
  const common = { blind: false } as const;
  if (ids.length === 2) return { kind: "choice" as const, interaction_ids: ids, choice: best === ids[0] ? ("first" as const) : ("second" as const), ...common };
  return { kind: "ranking" as const, interaction_ids: ids, ranking: [[best], ids.filter((id) => id !== best)], ...common };
}
