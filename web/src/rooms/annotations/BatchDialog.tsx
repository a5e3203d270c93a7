/** Start a verifier over many answers; a dry run first unless you say otherwise. */
"use client";

import { useState } from "react";

import type { BatchStart } from "@/kit/api/schema";
import { AnswersFilter, answersOf } from "@/kit/filter/AnswersFilter";
import { Button } from "@/kit/ui/Button";
import { Dialog } from "@/kit/ui/Dialog";
import { CheckField, SelectField, TextArea, TextField } from "@/kit/ui/Field";
import { ErrorBox } from "@/kit/ui/Moments";
import { say } from "@/kit/ui/Toast";

import { useStartBatch } from "./lists";

/** What each is for, and parameters to begin with; the server checks them. */
const VERIFIERS: Record<string, { about: string; params: object; prompt?: string }> = {
  length: { about: "At least and at most so many words, characters, sentences or lines", params: { unit: "words", max: 15 } },
  relevance: { about: "Keeps to what was asked: no refusal, repetition or babble", params: {}, prompt: "to" },
  contains: { about: "Certain texts are, or are not, in it", params: { none: ["As an AI"] } },
  regex: { about: "Matches a pattern", params: { pattern: "\\.$" } },
  exact: { about: "Equals the expected text", params: { expected: "Paris" } },
  numeric: { about: "Holds the expected number", params: { expected: 5 } },
  json_schema: { about: "Its JSON fits a schema", params: { schema: { type: "object" } } },
  all_of: { about: "Every one of several checks passes", params: { checks: [{ verifier: "length", params: { unit: "words", max: 15 } }] } },
  any_of: { about: "At least one of several checks passes", params: { checks: [{ verifier: "length", params: { unit: "words", max: 15 } }] } },
};

export function BatchDialog({ onClose }: { onClose: () => void }) {
  const start = useStartBatch();
  const [source, setSource] = useState("");
  const [verifier, setVerifier] = useState("length");
  const [params, setParams] = useState(() => JSON.stringify(VERIFIERS.length!.params));
  const [prompt, setPrompt] = useState("");
  const [atMost, setAtMost] = useState(10_000);
  const [dry, setDry] = useState(true);
  const filter = answersOf(source);
  const parsed = parse(params);
  const pick = (name: string) => { setVerifier(name); setParams(JSON.stringify(VERIFIERS[name]!.params)); setPrompt(VERIFIERS[name]!.prompt ?? ""); };
  const submit = () => filter && parsed && start.mutate({ verifier, params: parsed, per_subject: prompt.trim() ? { [prompt.trim()]: "prompt" } : {}, filter, at_most: atMost, dry_run: dry } as BatchStart,
    { onSuccess: () => { say(dry ? "A dry run has begun" : `${verifier} has begun`); onClose(); } });
  return (
    <Dialog wide open onClose={onClose} title="What shall be checked?"
      actions={<><Button onClick={onClose}>Cancel</Button><Button kind="ink" busy={start.isPending} disabled={!filter || !parsed} onClick={submit}>{dry ? "Run it dry" : "Run it"}</Button></>}>
      <AnswersFilter label="Which answers" source={source} onChange={setSource} />
      <div className="grid gap-3 sm:grid-cols-2">
        <SelectField label="Verifier" value={verifier} help={VERIFIERS[verifier]!.about} options={Object.keys(VERIFIERS).map((value) => ({ value, label: value }))} onChange={(event) => pick(event.target.value)} />
        <TextField label="Parameter that takes each answer's prompt" value={prompt} help="Such as `to` of relevance; empty for none" onChange={(event) => setPrompt(event.target.value)} />
      </div>
      <TextArea label="Parameters" value={params} rows={3} spellCheck={false} error={parsed ? null : "This is no JSON object"} help="As JSON" onChange={(event) => setParams(event.target.value)} />
      <TextField label="Answers at most, newest first" type="number" min={1} max={1_000_000} value={atMost} onChange={(event) => setAtMost(Number(event.target.value))} />
      <CheckField label="Dry run" help="Looks, counts and shows examples; writes nothing" checked={dry} onChange={(event) => setDry(event.target.checked)} />
      {start.error && <ErrorBox error={start.error} />}
    </Dialog>
  );
}

function parse(text: string): Record<string, unknown> | null {
  try {
    const found: unknown = JSON.parse(text);
    return typeof found === "object" && found !== null && !Array.isArray(found) ? (found as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
