/** Start a run: which workflow, with what. What was typed stays when the server refuses it; sent twice, it starts once. */
"use client";

import { FileCode, Play } from "lucide-react";
import { useRouter } from "next/navigation";
import { useState } from "react";

import { idempotencyKey } from "@/kit/api/client";
import { Button } from "@/kit/ui/Button";
import { Dialog } from "@/kit/ui/Dialog";
import { CheckField, SelectField, TextArea, TextField } from "@/kit/ui/Field";
import { EmptyState, ErrorBox, Skeleton } from "@/kit/ui/Moments";
import { href } from "@/kit/url";

import { fieldsOf, type InputField, valueOf } from "./inputs";
import { useStartRun, useWorkflows } from "./queries";

export function StartRun({ wanted, onClose }: { wanted: string | null; onClose: () => void }) {
  const workflows = useWorkflows();
  const router = useRouter();
  const start = useStartRun();
  const [name, setName] = useState(wanted);
  const [typed, setTyped] = useState<Record<string, string>>({});
  const [singleStep, setSingleStep] = useState(false);
  const [tags, setTags] = useState("");
  const [tried, setTried] = useState(false);
  const [key, setKey] = useState(idempotencyKey);
  const chosen = workflows.data?.find((each) => each.name === name) ?? workflows.data?.[0];
  const fields = fieldsOf(chosen?.content);
  const values = fields.map((field) => ({ field, ...valueOf(field, typed[field.name]) }));
  const wrong = values.some((each) => each.error);
  const change = (field: string, text: string) => { setTyped({ ...typed, [field]: text }); setKey(idempotencyKey()); };
  const send = () => {
    setTried(true);
    if (wrong || !chosen || start.isPending) return;
    const input = Object.fromEntries(values.flatMap(({ field, value }) => (value === undefined ? [] : [[field.name, value]])));
    const body = { workflow: chosen.name, input, single_step: singleStep, tags: tags.split(",").map((tag) => tag.trim()).filter(Boolean), budgets: {}, priority: 0, purpose: "run" as const, models: {} };
    start.mutate({ body, key }, { onSuccess: (run) => router.push(href("/workflows/run", { id: run.id })) });
  };
  return (
    <Dialog open onClose={onClose} title="Start a run?" actions={<><Button onClick={onClose}>Not now</Button><Button kind="ink" icon={Play} busy={start.isPending} disabled={!chosen} onClick={send}>Start</Button></>}>
      {workflows.error ? <ErrorBox error={workflows.error} retry={() => void workflows.refetch()} /> : !workflows.data ? <Skeleton rows={3} />
        : !chosen ? <EmptyState icon={FileCode} title="No workflow yet" command="camel-ext apply -f examples/three-roles">A workflow says who does what, in order. Write one in Configuration.</EmptyState> : (
          <form className="space-y-3" onSubmit={(event) => { event.preventDefault(); send(); }}
            onKeyDown={(event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); send(); } }}>
            <SelectField label="Workflow" help={String(chosen.content.description ?? "")} value={chosen.name} options={workflows.data.map((each) => ({ value: each.name, label: each.name }))}
              onChange={(event) => { setName(event.target.value); setTried(false); setKey(idempotencyKey()); }} />
            {values.map(({ field, error }, at) => <InputBox key={`${chosen.name}.${field.name}`} field={field} first={at === 0} text={typed[field.name]} error={tried ? error : undefined} onChange={(text) => change(field.name, text)} />)}
            <details>
              <summary className="cursor-pointer text-text-3">More</summary>
              <div className="mt-2 space-y-3">
                <TextField label="Tags" help="With commas between them; every answer of the run carries them." value={tags} onChange={(event) => { setTags(event.target.value); setKey(idempotencyKey()); }} />
                <CheckField label="Wait after each turn" help="Go on with Step or Resume." checked={singleStep} onChange={(event) => { setSingleStep(event.target.checked); setKey(idempotencyKey()); }} />
              </div>
            </details>
            <button type="submit" className="sr-only" tabIndex={-1}>Start</button>
            {start.error && <ErrorBox error={start.error} />}
          </form>
        )}
    </Dialog>
  );
}

function InputBox({ field, text, error, first, onChange }: { field: InputField; text: string | undefined; error: string | undefined; first: boolean; onChange: (text: string) => void }) {
  const help = [field.description, field.required ? "" : `Left out: ${JSON.stringify(field.fallback)}.`].filter(Boolean).join(" ");
  const about = { label: field.name, help, error };
  if (field.type === "boolean") return <CheckField label={field.name} help={help} checked={(text ?? String(field.fallback)) === "true"} onChange={(event) => onChange(String(event.target.checked))} />;
  if (field.choices) return <SelectField {...about} value={text ?? String(field.fallback ?? "")} options={[...(field.required && !text ? [{ value: "", label: "Choose" }] : []), ...field.choices.map((choice) => ({ value: String(choice), label: String(choice) }))]} onChange={(event) => onChange(event.target.value)} />;
  if (field.type === "string") return <TextArea {...about} rows={2} autoFocus={first} value={text ?? ""} onChange={(event) => onChange(event.target.value)} />;
  if (field.type === "array" || field.type === "object") return <TextArea {...about} rows={3} className="font-mono" value={text ?? ""} onChange={(event) => onChange(event.target.value)} />;
  return <TextField {...about} inputMode={field.type === "integer" ? "numeric" : "decimal"} value={text ?? ""} onChange={(event) => onChange(event.target.value)} />;
}
