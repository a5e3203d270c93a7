/** Make a key: a name, what it may do, until when. Its secret is shown once, to be copied. */
"use client";

import { useState } from "react";

import type { Role } from "@/kit/api/schema";
import { Button } from "@/kit/ui/Button";
import { Copy } from "@/kit/ui/Copy";
import { Dialog } from "@/kit/ui/Dialog";
import { SelectField, TextField } from "@/kit/ui/Field";
import { ErrorBox } from "@/kit/ui/Moments";

import { useMakeKey } from "./queries";

const ROLES: { value: Role; label: string }[] = [
  { value: "viewer", label: "Viewer: reads" }, { value: "editor", label: "Editor: runs, judges, trains" }, { value: "owner", label: "Owner: also keys and members" },
];
const UNTIL = [{ value: "30", label: "30 days" }, { value: "90", label: "90 days" }, { value: "365", label: "A year" }, { value: "", label: "No end" }];
const DAY_MS = 86_400_000;

export function MakeKey({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("editor");
  const [days, setDays] = useState("90");
  const make = useMakeKey();
  const secret = make.data?.secret;
  if (secret) {
    return (
      <Dialog open onClose={onClose} title="Copy the key now" actions={<Button kind="ink" onClick={onClose}>I have it</Button>}>
        <p>It is shown this once: the server keeps only what recognises it.</p>
        <Copy text={secret} label="Copy the key" className="w-full rounded-control bg-sunken px-3 py-2 font-mono text-text">{secret}</Copy>
      </Dialog>
    );
  }
  const submit = () => make.mutate({ name: name.trim(), role, expires_at: days ? new Date(Date.now() + Number(days) * DAY_MS).toISOString() : null });
  return (
    <Dialog open onClose={onClose} title="Make a key" actions={<>
      <Button onClick={onClose}>Cancel</Button>
      <Button kind="ink" type="submit" form="make-key" busy={make.isPending} disabled={!name.trim()} reason={name.trim() ? undefined : "It wants a name"}>{make.isPending ? "Making" : "Make it"}</Button>
    </>}>
      <form id="make-key" className="space-y-3" onSubmit={(event) => { event.preventDefault(); if (name.trim()) submit(); }}>
        <TextField label="Name" help="Whose it is, or what uses it: it stands beside all that it does." autoComplete="off" value={name} onChange={(event) => setName(event.target.value)} />
        <SelectField label="May" options={ROLES} value={role} onChange={(event) => setRole(event.target.value as Role)} />
        <SelectField label="Until" options={UNTIL} value={days} onChange={(event) => setDays(event.target.value)} />
      </form>
      {make.error && <ErrorBox error={make.error} />}
    </Dialog>
  );
}
