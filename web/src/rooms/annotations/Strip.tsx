/** The line above the item: how far, how fast, how long it is kept; focus or bulk. */
"use client";

import { EyeOff, Gauge, LockKeyhole } from "lucide-react";

import type { QueueShown } from "@/kit/api/schema";
import { digits } from "@/kit/format/format";
import { Button } from "@/kit/ui/Button";

import type { Desk } from "./desk";
import { useNow } from "./useDesk";
import { clock, paceOf } from "./words";

const WARN_S = 60;

export function Strip({ queue, state, actions }: { queue: QueueShown; state: Desk | null; actions: React.ReactNode }) {
  const total = queue.items_total;
  const done = !state || state.open === null ? queue.items_done : Math.min(total, total - state.open + state.judged.filter((entry) => !entry.saved).length);
  const pace = paceOf((state?.judged ?? []).map((entry) => entry.spentMs));
  return (
    <div className="flex min-h-[52px] shrink-0 flex-wrap items-center gap-x-5 gap-y-1 border-b max-md:gap-x-3 border-border px-6 py-1.5 max-md:px-3">
      <h1 className="min-w-0 truncate text-md!">{queue.name}</h1>
      {queue.blind && <span className="inline-flex h-6 items-center gap-1.5 rounded-[6px] border border-border px-2 text-text"><EyeOff aria-hidden size={14} /> Blind</span>}
      <span className="nums"><strong>{digits(done)}</strong> of {digits(total)}</span>
      <span role="progressbar" aria-label="Judged" aria-valuemin={0} aria-valuemax={total} aria-valuenow={done} className="h-1.5 w-44 overflow-hidden rounded-full bg-sunken max-lg:w-24 max-md:hidden"><span className="block h-full bg-accent" style={{ width: `${total ? (done / total) * 100 : 0}%` }} /></span>
      {pace !== null && <span className="nums inline-flex items-center gap-1.5"><Gauge aria-hidden size={16} strokeWidth={1.75} /> <strong>{digits(pace)}</strong> an hour</span>}
      <span className="ml-auto flex items-center gap-3">{state?.current && <Kept until={state.keptUntil[state.current.id]} />}{actions}</span>
    </div>
  );
}

function Kept({ until }: { until: number | undefined }) {
  const now = useNow();
  if (until === undefined) return null;
  return <span className="nums inline-flex items-center gap-1.5 max-md:hidden"><LockKeyhole aria-hidden size={14} /> Yours for {clock((until - now) / 1000)}</span>;
}

/** A minute before an item may be taken by somebody else: one line, one button, said once to a screen reader. */
export function KeptWarning({ until, extend }: { until: number | undefined; extend: () => void }) {
  const now = useNow();
  const left = until === undefined ? Infinity : (until - now) / 1000;
  return (
    <div role="status">
      {left <= WARN_S && (
        <div className="flex min-h-9 items-center gap-3 border-b border-border bg-attention-soft px-6 text-attention max-md:px-3">
          <LockKeyhole aria-hidden size={16} />
          <span>{left > 0 ? <>This item is yours for <span aria-hidden className="nums">{clock(left)}</span><span className="sr-only">less than a minute</span>. What you wrote stays here.</> : "Its time is over: somebody else may take it. What you wrote stays here."}</span>
          <Button keyCap="X" onClick={extend} className="ml-auto h-7">Keep it longer</Button>
        </div>
      )}
    </div>
  );
}
