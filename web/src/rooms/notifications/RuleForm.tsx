/** A rule, new or changed: which events, on what condition, to whom, when; and what it would have told before it is saved. */
"use client";

import { useState } from "react";

import { idempotencyKey } from "@/kit/api/client";
import type { ChannelShown, EventTypeShown, RulePreview, RulePreviewShown, RuleShown } from "@/kit/api/schema";
import { ago } from "@/kit/format/format";
import { reveal } from "@/kit/text/Untrusted";
import { Button } from "@/kit/ui/Button";
import { Dialog } from "@/kit/ui/Dialog";
import { CheckField, SelectField, TextField } from "@/kit/ui/Field";
import { Meanwhile, useBegun } from "@/kit/ui/Meanwhile";
import { ErrorBox, Skeleton } from "@/kit/ui/Moments";

import { useChannels, useEventTypes, usePreview, useSaveRule } from "./queries";
import { type Filled, filledFrom, readRule } from "./wanted";

const DIGESTS = [{ value: "immediate", label: "At once" }, { value: "hourly", label: "Gathered each hour" }, { value: "daily", label: "Gathered each day" }];

const FRESH = { name: "", types: ["workflows.run.finished"], condition: "event.data.state == 'failed'", channel: "", digest: "immediate" as const, dailyAt: "08:00", quiet: false, quietFrom: "22:00", quietUntil: "07:00", throttleMin: "", enabled: true };

/** `rule`: the one that is changed; none: a new one. */
export function RuleForm({ rule, onClose }: { rule?: RuleShown; onClose: () => void }) {
  const types = useEventTypes(), channels = useChannels();
  const error = types.error ?? channels.error;
  if (types.data && channels.data) return <Form rule={rule} types={types.data.items} channels={channels.data.items} onClose={onClose} />;
  return <Dialog open onClose={onClose} title={titleOf(rule)} actions={<Button onClick={onClose}>Close</Button>}>{error ? <ErrorBox error={error} /> : <Skeleton />}</Dialog>;
}

function titleOf(rule: RuleShown | undefined) {
  return rule ? `What should ${rule.name} tell?` : "Tell whom of what?";
}

function Form({ rule, types, channels, onClose }: { rule: RuleShown | undefined; types: EventTypeShown[]; channels: ChannelShown[]; onClose: () => void }) {
  const [filled, setFilled] = useState<Filled>(() => rule ? filledFrom(rule) : { ...FRESH, zone: Intl.DateTimeFormat().resolvedOptions().timeZone });
  const [looked, setLooked] = useState<string | null>(null);
  const [key, setKey] = useState(idempotencyKey);
  const { begun, newer, goOnFrom } = useBegun(rule);
  const store = useSaveRule(begun);
  const body = readRule(filled);
  const asked: RulePreview = { event_types: body.event_types, condition: body.condition };
  const seen = usePreview(looked === JSON.stringify(asked) ? asked : null);
  const set = (change: Partial<Filled>) => setFilled({ ...filled, ...change });
  const typed = (name: keyof Filled) => ({ value: String(filled[name] ?? ""), onChange: (event: { target: { value: string } }) => set({ [name]: event.target.value }) });
  const toggle = (type: string) => set({ types: filled.types.includes(type) ? filled.types.filter((each) => each !== type) : [...filled.types, type] });
  const save = () => store.mutate({ body, key }, { onSuccess: onClose, onError: () => setKey(idempotencyKey()) });
  const begin = (from: RuleShown) => { goOnFrom(from); store.reset(); };
  const other = store.isPending || store.isSuccess ? null : newer;
  const refused = !filled.name || filled.types.length === 0 ? "It wants a name and an event" : other ? "First say whose it shall be" : undefined;
  const fields = [...new Set(types.filter(({ type }) => filled.types.includes(type)).flatMap((each) => each.fields))];
  return (
    <Dialog open wide onClose={onClose} title={titleOf(rule)} actions={<>
      <Button onClick={onClose}>Leave</Button>
      <Button busy={seen.isFetching} disabled={filled.types.length === 0} onClick={() => setLooked(JSON.stringify(asked))}>Try it on the past</Button>
      <Button kind="ink" busy={store.isPending} disabled={refused !== undefined} reason={refused} onClick={save}>Save</Button>
    </>}>
      <TextField label="Name" autoComplete="off" placeholder="failures" disabled={rule?.builtin} help={rule?.builtin ? "The rule that is built in keeps its name." : "Small letters, digits, - and _."} {...typed("name")} />
      <fieldset>
        <legend className="mb-1 text-sm font-[550] text-text">Events</legend>
        <div className="grid max-h-40 gap-x-4 gap-y-1 overflow-y-auto rounded-control border border-border px-3 py-2 sm:grid-cols-2">
          {types.map(({ type }) => <CheckField key={type} label={<span className="font-mono text-xs [overflow-wrap:anywhere]">{type}</span>} checked={filled.types.includes(type)} onChange={() => toggle(type)} />)}
        </div>
      </fieldset>
      <TextField label="Only if" mono spellCheck={false} help={<>Left out: always. In event.data: {fields.join(", ")}. Besides: event.type, event.subject, event.severity.</>} {...typed("condition")} />
      <div className="grid gap-3 sm:grid-cols-2">
        <SelectField label="To" options={[{ value: "", label: "The inbox" }, ...channels.map(({ name }) => ({ value: name, label: name }))]} {...typed("channel")} />
        {filled.channel && <SelectField label="When" options={DIGESTS} {...typed("digest")} />}
        {filled.channel && filled.digest === "daily" && <TextField label="Each day at" type="time" {...typed("dailyAt")} />}
        {filled.channel && <TextField label="At most one in so many minutes" inputMode="decimal" placeholder="no limit" {...typed("throttleMin")} />}
        {filled.channel && <TextField label="On the clocks of" {...typed("zone")} />}
        {filled.channel && <CheckField className="self-end pb-2" label="Hold back in quiet hours" checked={filled.quiet} onChange={() => set({ quiet: !filled.quiet })} />}
        {filled.channel && filled.quiet && <TextField label="Quiet from" type="time" {...typed("quietFrom")} />}
        {filled.channel && filled.quiet && <TextField label="Quiet until" type="time" {...typed("quietUntil")} />}
      </div>
      {seen.error && <ErrorBox error={seen.error} />}
      {seen.data && <Past seen={seen.data} />}
      {other && <Meanwhile name={other.name} onMine={() => begin(other)} onTheirs={() => { begin(other); setFilled(filledFrom(other)); }} />}
      {store.error && !other && <ErrorBox error={store.error} />}
    </Dialog>
  );
}

function Past({ seen }: { seen: RulePreviewShown }) {
  return (
    <section aria-label="On the past">
      <p className="nums">Of the last {seen.looked_at} such events it would have told {seen.matched}.</p>
      {seen.problem && <p className="text-xs text-attention [overflow-wrap:anywhere]">Where it could not be told: {reveal(seen.problem)}</p>}
      <ul>{seen.items.map((each, at) => <li key={at} className="flex gap-3 border-t border-border py-1"><span className="min-w-0 flex-1 [overflow-wrap:anywhere]">{reveal(each.title)}</span><span className="nums text-text-3">{ago(each.happened_at)}</span></li>)}</ul>
    </section>
  );
}
