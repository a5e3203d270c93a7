/** How many jobs at once may use a workflow, a model or a device: how full each limit is; set and dropped here. */
"use client";

import { Plus, X } from "lucide-react";
import { type FormEvent, useState } from "react";

import { Button } from "@/kit/ui/Button";
import { Card } from "@/kit/ui/Card";
import { TextField } from "@/kit/ui/Field";
import { ErrorBox } from "@/kit/ui/Moments";
import { say } from "@/kit/ui/Toast";

import { useLimiting, useLimits } from "./queries";

export function Limits() {
  const { data } = useLimits();
  const change = useLimiting();
  const [name, setName] = useState("");
  const [most, setMost] = useState("2");
  const fits = /^(workflow|model|device):\S+$/.test(name.trim()) && /^\d{1,4}$/.test(most);
  const add = (event: FormEvent) => {
    event.preventDefault();
    change.mutate({ name: name.trim(), at_once: Number(most) }, { onSuccess: () => { say(`At most ${most} at once use ${name.trim()}`); setName(""); } });
  };
  return (
    <Card title="Limits" note="how many jobs at once may use a workflow, a model or a device">
      {data?.items.length ? (
        <ul aria-label="Limits" className="mb-3">
          {data.items.map((each) => (
            <li key={each.name} className="flex min-h-(--row) flex-wrap items-center gap-x-4 gap-y-1">
              <span className="min-w-40 font-[550] text-text">{each.name}</span>
              <span className="nums text-text-2">{each.running} of {each.at_once}</span>
              <span className="nums text-text-3">{each.waiting > 0 && `${each.waiting} waiting`}</span>
              <Button kind="quiet" icon={X} aria-label={`Drop the limit of ${each.name}`} busy={change.isPending} onClick={() => change.mutate({ name: each.name, at_once: null })}>Drop</Button>
            </li>
          ))}
        </ul>
      ) : <p className="mb-3 text-text-3">No limit: as many jobs run at once as workers have places.</p>}
      <form onSubmit={add} className="flex flex-wrap items-end gap-3">
        <TextField label="Limit of" value={name} onChange={(event) => setName(event.target.value)} placeholder="workflow:solve" className="w-64" />
        <TextField label="Jobs at once" value={most} onChange={(event) => setMost(event.target.value)} inputMode="numeric" className="w-28" />
        <Button type="submit" icon={Plus} disabled={!fits} busy={change.isPending}>Set</Button>
      </form>
      {change.error && <div className="mt-2"><ErrorBox error={change.error} /></div>}
    </Card>
  );
}
