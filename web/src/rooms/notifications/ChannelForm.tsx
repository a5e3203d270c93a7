/** A channel, new or changed. A webhook's secret is shown once, when it was made. */
"use client";

import { useState } from "react";

import { idempotencyKey } from "@/kit/api/client";
import type { ChannelMade, ChannelShown } from "@/kit/api/schema";
import { Button } from "@/kit/ui/Button";
import { Dialog } from "@/kit/ui/Dialog";
import { CheckField, SelectField, TextArea, TextField } from "@/kit/ui/Field";
import { Meanwhile, useBegun } from "@/kit/ui/Meanwhile";
import { ErrorBox } from "@/kit/ui/Moments";

import { useSaveChannel } from "./queries";
import { Secret } from "./Secret";
import { readChannel, whereOf } from "./wanted";

const KINDS = [{ value: "webhook", label: "Webhook" }, { value: "email", label: "E-mail" }, { value: "apprise", label: "Apprise (chat, phone, pager)" }];

/** `channel`: the one that is changed, as it is now; none: a new one. */
export function ChannelForm({ channel, onClose, onSaved }: { channel?: ChannelShown; onClose: () => void; onSaved?: () => void }) {
  const { begun, newer, goOnFrom } = useBegun(channel);
  const [name, setName] = useState(channel?.name ?? "");
  const [kind, setKind] = useState<string>(channel?.kind ?? "webhook");
  const [where, setWhere] = useState(channel ? whereOf(channel) : "");
  const [enabled, setEnabled] = useState(channel?.enabled ?? true);
  const [key, setKey] = useState(idempotencyKey);
  const store = useSaveChannel(begun);
  const made = begun ? undefined : (store.data as ChannelMade | undefined);
  if (made?.secret) return <Secret made={made} onClose={onClose} />;
  const typed = (event: { target: { value: string } }) => setWhere(event.target.value);
  const save = () => store.mutate({ body: { name, enabled, config: readChannel(kind, where) }, key }, {
    onSuccess: (found) => { if (!begun && (found as ChannelMade).secret) return; onSaved?.(); onClose(); }, onError: () => setKey(idempotencyKey()),
  });
  const begin = (from: ChannelShown) => { goOnFrom(from); store.reset(); };
  const other = store.isPending || store.isSuccess ? null : newer;
  const refused = !name || !where.trim() ? begun ? "It wants a place" : "It wants a name and a place" : other ? "First say whose it shall be" : undefined;
  return (
    <Dialog open onClose={onClose} title={begun ? `Where shall ${begun.name} send?` : "Send messages where?"} actions={<>
      <Button onClick={onClose}>Leave</Button>
      <Button kind="ink" busy={store.isPending} disabled={refused !== undefined} reason={refused} onClick={save}>{begun ? "Save" : "Make it"}</Button>
    </>}>
      <TextField label="Name" autoComplete="off" placeholder="team-hook" disabled={begun !== undefined} help={begun ? "A channel keeps its name and its kind." : "Small letters, digits, - and _."} value={name} onChange={(event) => setName(event.target.value)} />
      {!begun && <SelectField label="Kind" options={KINDS} value={kind} onChange={(event) => { setKind(event.target.value); setWhere(""); }} />}
      {kind === "webhook" && <TextField label="URL" type="url" autoComplete="off" placeholder="https://hooks.example.com/camel" help={begun ? `Whole, even if it stays: it is ${begun.target}, and its path is not shown. Its signing secret stays.` : "It gets signed JSON. Its path is not shown again."} value={where} onChange={typed} />}
      {kind === "email" && <TextArea label="Mailboxes" rows={2} placeholder="ada@example.com" help="Through the operator's mail server." value={where} onChange={typed} />}
      {kind === "apprise" && <TextField label="Variable of the server" mono autoComplete="off" placeholder="APPRISE_TEAM_CHAT" help="Its environment holds the Apprise URL, which is a secret." value={where} onChange={typed} />}
      {begun && <CheckField label="Send by it" checked={enabled} onChange={() => setEnabled(!enabled)} />}
      {other && <Meanwhile name={other.name} onMine={() => begin(other)} onTheirs={() => { begin(other); setWhere(whereOf(other)); setEnabled(other.enabled); }} />}
      {store.error && !other && <ErrorBox error={store.error} />}
    </Dialog>
  );
}
