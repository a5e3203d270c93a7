/** The judgement itself: the bar that never moves, reasons, a word of one's own. */
"use client";

import clsx from "clsx";
import { Check, MessageSquare } from "lucide-react";
import { useEffect, useRef } from "react";

import type { AnnotationKind } from "@/kit/api/schema";
import { Button, KeyCap } from "@/kit/ui/Button";

import { type Draft, RATING } from "./draft";
import type { Action } from "./keys";

interface Props { kind: AnnotationKind; draft: Draft; labels: string[] | null; act: (action: Action) => void; say: (change: Partial<Draft>) => void }

function Option({ on, onClick, keyCap, wide, children }: { on: boolean; onClick: () => void; keyCap?: string; wide?: boolean; children: React.ReactNode }) {
  return (
    <button type="button" aria-pressed={on} onClick={onClick}
      className={clsx("inline-flex h-12 min-w-0 items-center justify-center gap-2 rounded-control border px-3 text-md max-md:px-1 font-[550] transition-colors duration-75", wide && "flex-[1.6]", !wide && "flex-1",
        on ? "border-accent bg-accent text-on-accent shadow-[0_0_0_2px_var(--surface),0_0_0_4px_var(--accent)]" : "border-border bg-surface text-text hover:bg-hover")}>
      <span className="max-md:text-sm max-md:leading-tight md:truncate">{children}</span> {keyCap && <KeyCap>{keyCap}</KeyCap>}
    </button>
  );
}

/** The choosing itself, by kind; a ranking and a correction are made on the answers. */
export function VerdictBar({ kind, draft, labels, act, say }: Props) {
  switch (kind) {
    case "choice": return (
      <div role="group" aria-label="Which answer is better" className="flex gap-2.5">
        <Option wide on={draft.choice === "first"} keyCap="1" onClick={() => act({ do: "choose", choice: "first" })}>A <span className="max-md:hidden">is </span>better</Option>
        <Option on={draft.choice === "tie"} keyCap="3" onClick={() => act({ do: "choose", choice: "tie" })}>Tie</Option>
        <Option on={draft.choice === "both_bad"} keyCap="4" onClick={() => act({ do: "choose", choice: "both_bad" })}>Both bad</Option>
        <Option wide on={draft.choice === "second"} keyCap="2" onClick={() => act({ do: "choose", choice: "second" })}>B <span className="max-md:hidden">is </span>better</Option>
      </div>
    );
    case "thumbs": return (
      <div role="group" aria-label="Is it good" className="flex gap-2.5">
        <Option on={draft.up === true} keyCap="1" onClick={() => act({ do: "thumb", up: true })}>Good</Option>
        <Option on={draft.up === false} keyCap="2" onClick={() => act({ do: "thumb", up: false })}>Not good</Option>
      </div>
    );
    case "rating": return (
      <div role="group" aria-label={`Score, ${RATING.high} is best`} className="flex items-center gap-1.5">
        <span className="mr-1 text-text-3 max-md:hidden">worst</span>
        {Array.from({ length: RATING.high }, (_, at) => at + 1).map((rating) => <Option key={rating} on={draft.rating === rating} onClick={() => act({ do: "rate", rating })}>{rating}</Option>)}
        <span className="ml-1 text-text-3 max-md:hidden">best</span>
      </div>
    );
    case "labels": return labels
      ? <div role="group" aria-label="Labels" className="flex flex-wrap gap-2.5">{labels.map((label, at) => <Toggle key={label} on={draft.labels.includes(label)} {...(at < 9 && { keyCap: String(at + 1) })} onClick={() => act({ do: "label", at })}>{label}</Toggle>)}</div>
      : <FreeLabels labels={draft.labels} onChange={(next) => say({ labels: next })} />;
    default: return null;
  }
}

function FreeLabels({ labels, onChange }: { labels: string[]; onChange: (labels: string[]) => void }) {
  return (
    <form className="flex flex-wrap items-center gap-2.5" onSubmit={(event) => {
      event.preventDefault();
      const field = event.currentTarget.elements.namedItem("label") as HTMLInputElement;
      const label = field.value.trim().slice(0, 64);
      if (label && !labels.includes(label)) onChange([...labels, label]);
      field.value = "";
    }}>
      {labels.map((label) => <Toggle key={label} on onClick={() => onChange(labels.filter((each) => each !== label))}>{label}</Toggle>)}
      <input name="label" aria-label="A label; Enter adds it, Escape goes back to the keys" placeholder="Add a label" onKeyDown={(event) => { if (event.key === "Escape") event.currentTarget.blur(); }}
        className="h-8 rounded-control border border-border-strong bg-surface px-2.5 text-text max-md:h-11" />
    </form>
  );
}

function Toggle({ on, onClick, keyCap, children }: { on: boolean; onClick: () => void; keyCap?: string; children: React.ReactNode }) {
  return (
    <button type="button" aria-pressed={on} onClick={onClick}
      className={clsx("inline-flex h-8 shrink-0 items-center gap-1.5 rounded-control border px-3 whitespace-nowrap text-text max-md:h-11 max-md:rounded-full", on ? "border-accent-line bg-accent-soft text-accent" : "border-border hover:bg-hover")}>
      {on && <Check aria-hidden size={14} />} {children} {keyCap && <KeyCap>{keyCap}</KeyCap>}
    </button>
  );
}

const CAPS = ["Q", "W", "E", "R"];

/** Why: up to four reasons on keys, and words of one's own. */
export function Reasons({ reasons, taken, draft, act, say, noting, onNote }: {
  reasons: string[]; /** Keys that mean an answer here. */ taken: string[]; draft: Draft; act: (action: Action) => void; say: (change: Partial<Draft>) => void; noting: boolean; onNote: (open: boolean) => void;
}) {
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => { if (noting) field.current?.focus(); }, [noting]);
  const open = noting || draft.rationale !== "";
  return (
    <div className="space-y-2">
      <div className="flex items-center gap-2 overflow-x-auto p-0.5 md:flex-wrap">
        <span className="mr-2 text-text-3 max-2xl:hidden">Because</span>
        {reasons.map((reason, at) => <Toggle key={reason} on={draft.reasons.includes(reason)} {...(!taken.includes(CAPS[at]!.toLowerCase()) && { keyCap: CAPS[at]! })} onClick={() => act({ do: "reason", at })}>{reason}</Toggle>)}
        {!open && <Button kind="quiet" icon={MessageSquare} keyCap="M" onClick={() => onNote(true)} className="ml-auto px-2 max-md:px-2!">Add a reason</Button>}
      </div>
      {open && (
        <textarea ref={field} rows={2} value={draft.rationale} onChange={(event) => say({ rationale: event.target.value })} aria-label="Why, in words; Escape goes back to the keys" placeholder="Why, in words"
          onBlur={() => onNote(false)}
          onKeyDown={(event) => { if (event.key === "Escape" || (event.key === "Enter" && (event.ctrlKey || event.metaKey))) { event.preventDefault(); event.stopPropagation(); event.currentTarget.blur(); } }}
          className="w-full rounded-control border border-border-strong bg-surface px-3 py-1.5 text-md text-text" />
      )}
    </div>
  );
}
