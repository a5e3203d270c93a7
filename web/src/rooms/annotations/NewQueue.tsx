/** Make a queue from a filter: which answers, in which form, by which rules. */
"use client";

import { useRouter } from "next/navigation";
import { useState } from "react";

import type { QueueCreate } from "@/kit/api/schema";
import { AnswersFilter, answersOf } from "@/kit/filter/AnswersFilter";
import { href } from "@/kit/url";
import { Button } from "@/kit/ui/Button";
import { Dialog } from "@/kit/ui/Dialog";
import { CheckField, SelectField, TextArea, TextField } from "@/kit/ui/Field";
import { ErrorBox } from "@/kit/ui/Moments";

import { useMakeQueue } from "./lists";
import { KINDS } from "./words";

const FORMS = (["choice", "ranking", "rating", "thumbs", "labels", "correction"] as const).map((value) => ({ value, label: `${KINDS[value].word}: ${KINDS[value].says}` }));
const NAME = /^[a-z0-9][a-z0-9_-]*$/;

export function NewQueue({ onClose }: { onClose: () => void }) {
  const router = useRouter();
  const make = useMakeQueue();
  const [source, setSource] = useState("purpose:sample");
  const [name, setName] = useState("");
  const [kind, setKind] = useState<(typeof FORMS)[number]["value"]>("choice");
  const [guideline, setGuideline] = useState("");
  const [version, setVersion] = useState("");
  const [labels, setLabels] = useState("");
  const [blind, setBlind] = useState(true);
  const [annotators, setAnnotators] = useState(1);
  const [atMost, setAtMost] = useState(1000);
  const filter = answersOf(source);
  const wrong = name !== "" && !NAME.test(name) ? "Small letters, digits, - and _" : null;
  const words = labels.split(",").map((each) => each.trim()).filter(Boolean);
  const submit = () => filter && make.mutate({
    name, kind, guideline, guideline_version: version.trim() || null, labels: kind === "labels" && words.length > 0 ? words : null,
    blind, annotators, reservation_s: 900, filter, at_most: atMost,
  } as QueueCreate, { onSuccess: (queue) => router.push(href("/annotations/queue", { id: queue.id })) }); // which says how many wait
  return (
    <Dialog wide open onClose={onClose} title="What shall people judge?"
      actions={<><Button onClick={onClose}>Cancel</Button><Button kind="ink" busy={make.isPending} disabled={!filter || name === "" || wrong !== null} reason={name === "" ? "It needs a name" : undefined} onClick={submit}>Make the queue</Button></>}>
      <div className="grid gap-3 sm:grid-cols-2">
        <TextField label="Name" value={name} error={wrong} help="Unique in the project" onChange={(event) => setName(event.target.value)} />
        <SelectField label="Form" value={kind} options={FORMS} help={kind === "choice" || kind === "ranking" ? "Answers to the same prompt are put side by side" : undefined} onChange={(event) => setKind(event.target.value as typeof kind)} />
      </div>
      <AnswersFilter label="Which answers" source={source} onChange={setSource} />
      {kind === "labels" && <TextField label="Labels" value={labels} help="With commas between; the first nine have keys. Left empty: any" onChange={(event) => setLabels(event.target.value)} />}
      <TextArea label="Guidelines" value={guideline} help='By which rules. A line "Reasons: Shorter, Clearer" puts up to four reasons on keys' onChange={(event) => setGuideline(event.target.value)} />
      <div className="grid gap-3 sm:grid-cols-3">
        <TextField label="Version of the guidelines" value={version} onChange={(event) => setVersion(event.target.value)} />
        <TextField label="People for each item" type="number" min={1} max={20} value={annotators} onChange={(event) => setAnnotators(Number(event.target.value))} />
        <TextField label="Answers at most" type="number" min={1} max={5000} value={atMost} onChange={(event) => setAtMost(Number(event.target.value))} />
      </div>
      <CheckField label="Blind" help="No name of a model, and nothing of what others said" checked={blind} onChange={(event) => setBlind(event.target.checked)} />
      {make.error && <ErrorBox error={make.error} />}
    </Dialog>
  );
}
