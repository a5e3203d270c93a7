/** A new schedule: what, when, and the next five times before anything is saved. */
"use client";

import { useState } from "react";

import { idempotencyKey } from "@/kit/api/client";
import type { SchedulableShown, ScheduleShown } from "@/kit/api/schema";
import { reveal } from "@/kit/text/Untrusted";
import { Button } from "@/kit/ui/Button";
import { Dialog } from "@/kit/ui/Dialog";
import { SelectField, TextArea, TextField } from "@/kit/ui/Field";
import { ErrorBox, Skeleton } from "@/kit/ui/Moments";

import { useCreate, usePreview, useTasks } from "./queries";
import { Time } from "./Time";
import { beginning, type Filled, readForm } from "./wanted";

const KINDS = [{ value: "cron", label: "By the clock (cron)" }, { value: "every", label: "Every so often" }, { value: "once", label: "Once" }];
const UNITS = [{ value: "60", label: "minutes" }, { value: "3600", label: "hours" }, { value: "86400", label: "days" }];
const OVERLAPS = [
  { value: "skip", label: "Skip the next" }, { value: "queue", label: "Let the next wait" },
  { value: "cancel_other", label: "Stop the earlier" }, { value: "allow", label: "Let both run" },
];
const CATCH_UPS = [
  { value: "last", label: "Make up for the last" }, { value: "none", label: "Let them go" }, { value: "all", label: "Make up for the last ten" },
];

export function NewSchedule({ onClose, onMade }: { onClose: () => void; onMade: (made: ScheduleShown) => void }) {
  const { data, error } = useTasks();
  if (data) return <Form tasks={data} onClose={onClose} onMade={onMade} />;
  return <Dialog open onClose={onClose} title="Start what, and when?" actions={<Button onClick={onClose}>Close</Button>}>{error ? <ErrorBox error={error} /> : <Skeleton />}</Dialog>;
}

function Form({ tasks, onClose, onMade }: { tasks: SchedulableShown[]; onClose: () => void; onMade: (made: ScheduleShown) => void }) {
  const first = tasks.find((task) => task.name === "workflows.start_run") ?? tasks[0];
  const [filled, setFilled] = useState<Filled>({
    name: "", task: first?.name ?? "", given: beginning(first), kind: "cron", cron: "30 2 * * *", zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    amount: "6", unit: "3600", at: "", overlap: "skip", catchUp: "last", jitterMin: "",
  });
  const [looked, setLooked] = useState<string | null>(null);
  const [key] = useState(idempotencyKey);
  const create = useCreate();
  const { body, wrong } = readForm(filled);
  const times = JSON.stringify([body?.timing, body?.jitter_s]);
  const next = usePreview(body && looked === times ? body : null);
  const set = (change: Partial<Filled>) => setFilled({ ...filled, ...change });
  const typed = (name: keyof Filled) => ({ value: filled[name], onChange: (event: { target: { value: string } }) => set({ [name]: event.target.value }) });
  const said = (field: string) => (wrong?.field === field ? wrong.words : null);
  const save = () => body && create.mutate({ body, key }, { onSuccess: (made) => { onMade(made); onClose(); } });
  return (
    <Dialog open wide onClose={onClose} title="Start what, and when?" actions={<>
      <Button onClick={onClose}>Leave</Button>
      <Button kind={next.data ? "default" : "ink"} busy={next.isFetching} disabled={!body} onClick={() => setLooked(times)}>Show the next five</Button>
      {next.data && <Button kind="ink" busy={create.isPending} disabled={!filled.name} reason={filled.name ? undefined : "It wants a name"} onClick={save}>Save</Button>}
    </>}>
      <div className="grid gap-3 sm:grid-cols-2">
        <TextField label="Name" autoComplete="off" placeholder="nightly" help="Small letters, digits, - and _." {...typed("name")} />
        <SelectField label="Starts" options={tasks.map(({ name, words }) => ({ value: name, label: words }))} value={filled.task}
          onChange={(event) => set({ task: event.target.value, given: beginning(tasks.find((task) => task.name === event.target.value)) })} />
        <TextArea label="With" className="sm:col-span-2" rows={5} spellCheck={false} error={said("given")} help="Its arguments, as JSON: the body that starts the same by hand." {...typed("given")} />
        <SelectField label="When" options={KINDS} {...typed("kind")} />
        {filled.kind === "cron" && <TextField label="Minute, hour, day, month, weekday" mono {...typed("cron")} />}
        {filled.kind === "cron" && <TextField label="On the clocks of" {...typed("zone")} />}
        {filled.kind === "every" && <TextField label="Every" inputMode="numeric" error={said("amount")} {...typed("amount")} />}
        {filled.kind === "every" && <SelectField label="Unit" options={UNITS} {...typed("unit")} />}
        {filled.kind === "once" && <TextField label="At (your clock)" type="datetime-local" error={filled.at ? said("at") : null} {...typed("at")} />}
        <SelectField label="While an earlier one is under way" options={OVERLAPS} {...typed("overlap")} />
        <SelectField label="Of times nobody saw" options={CATCH_UPS} {...typed("catchUp")} />
        <TextField label="Up to so many minutes later" inputMode="decimal" placeholder="on time" error={said("jitter")} help="Drawn anew for each, so that not all begins at the full hour." {...typed("jitterMin")} />
      </div>
      {next.error && <ErrorBox error={next.error} title="These are no times" />}
      {next.data && <section aria-label="The next five times"><h3>{reveal(next.data.words)}{next.data.jitter_s > 0 && `, up to ${next.data.jitter_s} s later`}</h3><ol>{next.data.items.map((tick) => <Time key={tick.at} tick={tick} />)}</ol></section>}
      {create.error && <ErrorBox error={create.error} />}
    </Dialog>
  );
}
