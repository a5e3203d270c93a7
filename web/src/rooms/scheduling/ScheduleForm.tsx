/** A schedule, new or changed: what, when, and the next five times before anything is saved. */
"use client";

import { useState } from "react";

import { idempotencyKey } from "@/kit/api/client";
import type { SchedulableShown, ScheduleShown } from "@/kit/api/schema";
import { reveal } from "@/kit/text/Untrusted";
import { Button } from "@/kit/ui/Button";
import { Dialog } from "@/kit/ui/Dialog";
import { SelectField, TextArea, TextField } from "@/kit/ui/Field";
import { Meanwhile, useBegun } from "@/kit/ui/Meanwhile";
import { ErrorBox, Skeleton } from "@/kit/ui/Moments";

import { usePreview, useSave, useTasks } from "./queries";
import { Time } from "./Time";
import { beginning, type Filled, filledFrom, freshTimes, readForm, whenOf } from "./wanted";

const KINDS = [{ value: "cron", label: "By the clock (cron)" }, { value: "every", label: "Every so often" }, { value: "once", label: "Once" }];
const UNITS = [{ value: "1", label: "seconds" }, { value: "60", label: "minutes" }, { value: "3600", label: "hours" }, { value: "86400", label: "days" }];
const OVERLAPS = [
  { value: "skip", label: "Skip the next" }, { value: "queue", label: "Let the next wait" },
  { value: "cancel_other", label: "Stop the earlier" }, { value: "allow", label: "Let both run" },
];
const CATCH_UPS = [{ value: "last", label: "Make up for the last" }, { value: "none", label: "Let them go" }];

interface About {
  /** The one that is changed, as it is now; none: a new one. */
  schedule?: ScheduleShown | undefined;
  onClose: () => void;
  onSaved?: (saved: ScheduleShown) => void;
}

export function ScheduleForm(about: About) {
  const { data, error } = useTasks();
  if (data) return <Form tasks={data} {...about} />;
  return <Dialog open onClose={about.onClose} title={titleOf(about.schedule)} actions={<Button onClick={about.onClose}>Close</Button>}>{error ? <ErrorBox error={error} /> : <Skeleton />}</Dialog>;
}

function titleOf(schedule: ScheduleShown | undefined) {
  return schedule ? `Change ${schedule.name} to what?` : "Start what, and when?";
}

function fresh(tasks: SchedulableShown[]): Filled {
  const first = tasks.find((task) => task.name === "workflows.start_run") ?? tasks[0];
  return { ...freshTimes(), name: "", task: first?.name ?? "", given: beginning(first), kind: "cron", overlap: "skip", catchUp: "last", jitterMin: "" };
}

function Form({ tasks, schedule, onClose, onSaved }: About & { tasks: SchedulableShown[] }) {
  const { begun, newer, goOnFrom } = useBegun(schedule);
  const [filled, setFilled] = useState<Filled>(() => schedule ? filledFrom(schedule) : fresh(tasks));
  const [looked, setLooked] = useState<string | null>(null);
  const [key] = useState(idempotencyKey);
  const store = useSave(begun);
  const { body, wrong } = readForm(filled, begun);
  const when = body && whenOf(body, begun);
  const next = usePreview(looked === JSON.stringify(when) ? when : null);
  const set = (change: Partial<Filled>) => setFilled({ ...filled, ...change });
  const typed = (name: keyof Filled) => ({ value: filled[name], onChange: (event: { target: { value: string } }) => set({ [name]: event.target.value }) });
  const said = (field: string) => (wrong?.field === field ? wrong.words : null);
  const save = () => body && store.mutate({ name: filled.name, body, key }, { onSuccess: (saved) => { onSaved?.(saved); onClose(); } });
  const begin = (from: ScheduleShown) => { goOnFrom(from); store.reset(); };
  const other = store.isPending || store.isSuccess ? null : newer;
  const refused = !filled.name ? "It wants a name" : other ? "First say whose it shall be" : undefined;
  return (
    <Dialog open wide onClose={onClose} title={titleOf(begun)} actions={<>
      <Button onClick={onClose}>Leave</Button>
      <Button kind={next.data ? "default" : "ink"} busy={next.isFetching} disabled={!body} onClick={() => setLooked(JSON.stringify(when))}>Show the next five</Button>
      {next.data && <Button kind="ink" busy={store.isPending} disabled={refused !== undefined} reason={refused} onClick={save}>Save</Button>}
    </>}>
      <div className="grid gap-3 sm:grid-cols-2">
        <TextField label="Name" autoComplete="off" placeholder="nightly" disabled={begun !== undefined} help={begun ? "A schedule keeps its name." : "Small letters, digits, - and _."} {...typed("name")} />
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
        <SelectField label="Of times nobody saw" options={[...CATCH_UPS, { value: "all", label: `Make up for the last ${begun?.catch_up_limit ?? "ten"}` }]} {...typed("catchUp")} />
        <TextField label="Up to so many minutes later" inputMode="decimal" placeholder="on time" error={said("jitter")} help="Drawn anew for each, so that not all begins at the full hour." {...typed("jitterMin")} />
      </div>
      {next.error && <ErrorBox error={next.error} title="These are no times" />}
      {next.data && <section aria-label="The next five times"><h3>{reveal(next.data.words)}{next.data.jitter_s > 0 && `, up to ${next.data.jitter_s} s later`}</h3><ol>{next.data.items.map((tick) => <Time key={tick.at} tick={tick} />)}</ol></section>}
      {other && <Meanwhile name={other.name} onMine={() => begin(other)} onTheirs={() => { begin(other); setFilled(filledFrom(other)); }} />}
      {store.error && !other && <ErrorBox error={store.error} />}
    </Dialog>
  );
}
