/** Start a verifier over many answers; a dry run first unless you say otherwise. */
"use client";

import { useState } from "react";

import type { BatchStart, VerifierShown } from "@/kit/api/schema";
import { AnswersFilter, answersOf } from "@/kit/filter/AnswersFilter";
import { Button } from "@/kit/ui/Button";
import { Dialog } from "@/kit/ui/Dialog";
import { CheckField, SelectField, TextArea, TextField } from "@/kit/ui/Field";
import { ErrorBox, Skeleton } from "@/kit/ui/Moments";
import { say } from "@/kit/ui/Toast";

import { useStartBatch, useVerifiers } from "./lists";
import { beginOf, parsed, promptOf, takesOf } from "./verifiers";

const FIRST = "length";
const TITLE = "What shall be checked?";

export function BatchDialog({ onClose }: { onClose: () => void }) {
  const verifiers = useVerifiers();
  if (!verifiers.data) return <Dialog wide open onClose={onClose} title={TITLE} actions={<Button onClick={onClose}>Close</Button>}>{verifiers.error ? <ErrorBox error={verifiers.error} retry={() => void verifiers.refetch()} /> : <Skeleton />}</Dialog>;
  return <Form verifiers={verifiers.data} onClose={onClose} />;
}

function Form({ verifiers, onClose }: { verifiers: VerifierShown[]; onClose: () => void }) {
  const start = useStartBatch();
  const [source, setSource] = useState("");
  const [verifier, setVerifier] = useState(() => verifiers.find((each) => each.name === FIRST) ?? verifiers[0]!);
  const [text, setText] = useState(() => beginOf(verifier));
  const [prompt, setPrompt] = useState(() => promptOf(verifier));
  const [atMost, setAtMost] = useState(10_000);
  const [dry, setDry] = useState(true);
  const filter = answersOf(source), params = parsed(text), takes = takesOf(verifier);
  const pick = (name: string) => {
    const next = verifiers.find((each) => each.name === name)!;
    setVerifier(next); setText(beginOf(next)); setPrompt(promptOf(next));
  };
  const submit = () => filter && params && start.mutate({ verifier: verifier.name, params, per_subject: prompt ? { [prompt]: "prompt" } : {}, filter, at_most: atMost, dry_run: dry } as BatchStart,
    { onSuccess: () => { say(dry ? "A dry run has begun" : `${verifier.name} has begun`); onClose(); } });
  return (
    <Dialog wide open onClose={onClose} title={TITLE}
      actions={<><Button onClick={onClose}>Cancel</Button><Button kind="ink" busy={start.isPending} disabled={!filter || !params} onClick={submit}>{dry ? "Run it dry" : "Run it"}</Button></>}>
      <div className="grid gap-3 sm:grid-cols-2">
        <SelectField label="Verifier" value={verifier.name} help={`${verifier.description}${verifier.slow ? " Takes seconds for each answer." : ""}`} options={verifiers.map(({ name }) => ({ value: name, label: name }))} onChange={(event) => pick(event.target.value)} />
        <SelectField label="Filled by each answer's own prompt" value={prompt} options={[{ value: "", label: "no parameter" }, ...takes.map(({ name }) => ({ value: name, label: name }))]} onChange={(event) => setPrompt(event.target.value)} />
      </div>
      <TextArea label="Parameters" value={text} rows={3} spellCheck={false} error={params ? null : "This is no JSON object"} help="As JSON" onChange={(event) => setText(event.target.value)} className="[&_textarea]:font-mono [&_textarea]:text-xs" />
      <dl className="grid gap-x-4 gap-y-0.5 text-xs text-text-3 sm:grid-cols-[auto_1fr]">
        {takes.map(({ name, needed, about }) => <div key={name} className="contents"><dt className="font-mono text-text-2">{name}{needed && <span className="font-sans text-text-3"> needed</span>}</dt><dd>{about}</dd></div>)}
      </dl>
      <AnswersFilter label="Which answers" source={source} onChange={setSource} />
      <TextField label="Answers at most, newest first" type="number" min={1} max={1_000_000} value={atMost} onChange={(event) => setAtMost(Number(event.target.value))} />
      <CheckField label="Dry run" help="Looks, counts and shows examples; writes nothing" checked={dry} onChange={(event) => setDry(event.target.checked)} />
      {start.error && <ErrorBox error={start.error} />}
    </Dialog>
  );
}
