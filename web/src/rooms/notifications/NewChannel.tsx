/** A new channel; a webhook's secret is shown once, here. */
"use client";

import { useState } from "react";

import { idempotencyKey } from "@/kit/api/client";
import type { ChannelMade } from "@/kit/api/schema";
import { Button } from "@/kit/ui/Button";
import { Copy } from "@/kit/ui/Copy";
import { Dialog } from "@/kit/ui/Dialog";
import { SelectField, TextArea, TextField } from "@/kit/ui/Field";
import { ErrorBox } from "@/kit/ui/Moments";

import { useMakeChannel } from "./queries";
import { readChannel } from "./wanted";

const KINDS = [{ value: "webhook", label: "Webhook" }, { value: "email", label: "E-mail" }, { value: "apprise", label: "Apprise (chat, phone, pager)" }];

export function NewChannel({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("");
  const [kind, setKind] = useState("webhook");
  const [where, setWhere] = useState("");
  const [key, setKey] = useState(idempotencyKey);
  const make = useMakeChannel();
  const made = make.data as ChannelMade | undefined;
  if (made?.secret) return <Secret made={made} onClose={onClose} />;
  const typed = (event: { target: { value: string } }) => setWhere(event.target.value);
  const save = () => make.mutate({ body: { name, enabled: true, config: readChannel(kind, where) }, key }, {
    onSuccess: (found) => { if (!(found as ChannelMade).secret) onClose(); }, onError: () => setKey(idempotencyKey()),
  });
  return (
    <Dialog open onClose={onClose} title="Send messages where?" actions={<>
      <Button onClick={onClose}>Leave</Button>
      <Button kind="ink" busy={make.isPending} disabled={!name || !where.trim()} reason={name && where.trim() ? undefined : "It wants a name and a place"} onClick={save}>Make it</Button>
    </>}>
      <TextField label="Name" autoComplete="off" placeholder="team-hook" help="Small letters, digits, - and _." value={name} onChange={(event) => setName(event.target.value)} />
      <SelectField label="Kind" options={KINDS} value={kind} onChange={(event) => { setKind(event.target.value); setWhere(""); }} />
      {kind === "webhook" && <TextField label="URL" type="url" autoComplete="off" placeholder="https://hooks.example.com/camel" help="It gets signed JSON. Its path is not shown again." value={where} onChange={typed} />}
      {kind === "email" && <TextArea label="Mailboxes" rows={2} placeholder="ada@example.com" help="Through the operator's mail server." value={where} onChange={typed} />}
      {kind === "apprise" && <TextField label="Variable of the server" mono autoComplete="off" placeholder="APPRISE_TEAM_CHAT" help="Its environment holds the Apprise URL, which is a secret." value={where} onChange={typed} />}
      {make.error && <ErrorBox error={make.error} />}
    </Dialog>
  );
}

function Secret({ made, onClose }: { made: ChannelMade; onClose: () => void }) {
  return (
    <Dialog open onClose={onClose} title="Have you kept its secret?" actions={<Button kind="ink" onClick={onClose}>I have it</Button>}>
      <p>{made.name} signs each message with it (Standard Webhooks), so that the other side knows that it is yours. It is not shown again.</p>
      <Copy text={made.secret ?? ""} className="font-mono text-xs break-all text-text">{made.secret}</Copy>
    </Dialog>
  );
}
