/** All dead letters at once: how many of what, asked about, queued again; what cannot be says why. */
"use client";

import { RotateCw } from "lucide-react";
import { useState } from "react";

import type { DeadLettersShown, DeadRefused } from "@/kit/api/schema";
import { count, shortId } from "@/kit/format/format";
import { reveal } from "@/kit/text/Untrusted";
import { Button } from "@/kit/ui/Button";
import { Dialog } from "@/kit/ui/Dialog";
import { ErrorBox } from "@/kit/ui/Moments";
import { say } from "@/kit/ui/Toast";

import { useDeadLetters, useRepeatAll } from "./queries";

const SHOWN = 20;

export function DeadLetters() {
  const { data } = useDeadLetters();
  const repeat = useRepeatAll();
  const [asking, setAsking] = useState(false);
  if (!data || (data.total === 0 && !asking)) return null;
  const close = () => { setAsking(false); repeat.reset(); };
  const all = () => repeat.mutate(undefined, {
    onSuccess: ({ repeated, refused }) => { if (refused.length === 0) { close(); say(`${jobs(repeated)} queued again`); } },
  });
  return (
    <div className="flex flex-wrap items-center gap-3 border-b border-border px-4 py-2">
      <span className="nums text-text-2">{jobs(data.total)} ran out of tries.</span>
      <span className="ml-auto"><Button icon={RotateCw} onClick={() => setAsking(true)}>Repeat all</Button></span>
      {asking && (repeat.data
        ? <Dialog open onClose={close} title={`${jobs(repeat.data.repeated)} queued again, ${count(repeat.data.refused.length)} not`} actions={<Button onClick={close}>Close</Button>}><Refused refused={repeat.data.refused} /></Dialog>
        : <Dialog open onClose={close} title={`Repeat ${data.total === 1 ? "the dead letter" : `all ${count(data.total)} dead letters`}?`} actions={<>
          <Button onClick={close}>Leave them</Button>
          <Button kind="ink" busy={repeat.isPending} onClick={all}>Repeat all</Button>
        </>}><Kinds found={data} />{repeat.error && <ErrorBox error={repeat.error} />}</Dialog>)}
    </div>
  );
}

function Kinds({ found }: { found: DeadLettersShown }) {
  return (
    <>
      <p>What they worked for is queued again, as if each had been repeated alone. What runs ask of models may cost again.</p>
      <ul aria-label="What is repeated">{found.items.map(({ kind, jobs: dead, repeatable }) => <li key={kind} className="flex gap-3"><span className="nums min-w-8 text-right text-text">{count(dead)}</span><span>{kind}{!repeatable && ", which cannot be repeated"}</span></li>)}</ul>
    </>
  );
}

function Refused({ refused }: { refused: DeadRefused[] }) {
  return (
    <>
      <p>These stay dead:</p>
      <ul aria-label="What stays dead" className="space-y-1.5">{refused.slice(0, SHOWN).map((each) => <li key={each.job_id} className="[overflow-wrap:anywhere]"><span className="font-mono text-xs text-text-3">{shortId(each.job_id)}</span> {each.kind}: {reveal(each.detail)}</li>)}</ul>
      {refused.length > SHOWN && <p className="text-text-3">and {count(refused.length - SHOWN)} more.</p>}
    </>
  );
}

function jobs(number: number): string {
  return `${count(number)} ${number === 1 ? "job" : "jobs"}`;
}
