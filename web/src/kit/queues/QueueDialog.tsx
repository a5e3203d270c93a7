/** Make a queue of chosen turns for people to judge: of the log, or of runs. */
"use client";

import { useMutation } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { useRef, useState } from "react";

import { api, idempotencyKey, unwrap } from "../api/client";
import type { QueueCreate } from "../api/schema";
import { digits } from "../format/format";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { CheckField, SelectField, TextArea, TextField } from "../ui/Field";
import { ErrorBox } from "../ui/Moments";
import { say } from "../ui/Toast";
import { href } from "../url";

const KINDS: { value: QueueCreate["kind"]; label: string; together: boolean }[] = [
  { value: "thumbs", label: "Each alone: good or bad", together: false },
  { value: "rating", label: "Each alone: a score", together: false },
  { value: "correction", label: "Each alone: a better answer", together: false },
  { value: "choice", label: "Side by side: the better one", together: true },
  { value: "ranking", label: "Side by side: in order", together: true },
];
const NAME = /^[a-z][a-z0-9_-]*$/;

export function QueueDialog({ ids, onClose, onDone }: { ids: readonly string[]; onClose: () => void; onDone: () => void }) {
  const router = useRouter();
  const key = useRef(idempotencyKey());
  const [name, setName] = useState("");
  const [kind, setKind] = useState<QueueCreate["kind"]>(ids.length === 2 ? "choice" : "thumbs");
  const [guideline, setGuideline] = useState("");
  const [blind, setBlind] = useState(true);
  const together = KINDS.find((each) => each.value === kind)!.together;
  const make = useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/annotation-queues", {
      headers: { "Idempotency-Key": key.current },
      body: { name, kind, guideline, blind, sets: together ? [[...ids]] : ids.map((id) => [id]) } as QueueCreate,
    })),
    onSuccess: (queue) => { say(`${digits(ids.length)} turns wait in ${queue.name}`); onDone(); router.push(href("/annotations/queue", { id: queue.id })); },
    onError: () => { key.current = idempotencyKey(); },
  });
  const wrong = name !== "" && !NAME.test(name) ? "Small letters, digits, - and _, a letter first" : null;
  const alone = together && ids.length < 2 ? "Select at least two turns to put them side by side" : null;
  return (
    <Dialog open onClose={onClose} title={`Who judges ${ids.length === 1 ? "this turn" : `these ${digits(ids.length)} turns`}, and how?`}
      actions={<><Button onClick={onClose}>Cancel</Button><Button kind="ink" busy={make.isPending} disabled={name === "" || wrong !== null || alone !== null} onClick={() => make.mutate()}>Make the queue</Button></>}>
      <TextField label="Name of the queue" autoFocus value={name} error={wrong} help="Unique in the project" onChange={(event) => setName(event.target.value)} />
      <SelectField label="Form" value={kind} error={alone} options={KINDS} onChange={(event) => setKind(event.target.value as QueueCreate["kind"])} />
      <TextArea label="Guideline" value={guideline} help="By which rules, for the people who judge" onChange={(event) => setGuideline(event.target.value)} />
      <CheckField label="Blind: do not show who answered" checked={blind} onChange={(event) => setBlind(event.target.checked)} />
      {make.error && <ErrorBox error={make.error} />}
    </Dialog>
  );
}
