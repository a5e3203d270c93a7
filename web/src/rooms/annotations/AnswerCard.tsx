/** One answer to be judged: its text, its length, and its correction with what changed. No name of a model. */
"use client";

import clsx from "clsx";
import { Check, Pencil } from "lucide-react";
import { useEffect, useRef } from "react";

import { WordDiff } from "@/kit/text/WordDiff";
import { Untrusted } from "@/kit/text/Untrusted";
import { Button } from "@/kit/ui/Button";

import { countWords } from "./words";

interface Props {
  letter: string | null;
  text: string;
  chosen: boolean;
  correction: string | undefined;
  editing: boolean;
  keyCap?: string | undefined;
  onEdit: () => void;
  onCorrect: (text: string) => void;
  onDone: () => void;
  onChoose?: (() => void) | undefined;
  children?: React.ReactNode;
}

export function AnswerCard({ letter, text, chosen, correction, editing, keyCap, onEdit, onCorrect, onDone, onChoose, children }: Props) {
  const { words, sentences } = countWords(text);
  const large = words <= 80 ? "text-[19px] leading-[31px] max-md:text-lg" : "text-lg";
  return (
    <section aria-label={letter ? `Answer ${letter}` : "Answer"} data-answer={letter ?? ""}
      className={clsx("flex min-h-0 min-w-0 flex-col rounded-card border bg-surface", chosen ? "border-accent shadow-[0_0_0_3px_var(--accent-soft)]" : "border-border")}>
      <header className="flex min-h-11 items-center gap-3 border-b border-border px-4">
        {letter && <span aria-hidden className={clsx("flex size-6 items-center justify-center rounded-[6px] text-xs font-semibold", chosen ? "bg-accent text-on-accent" : "bg-sunken text-text")}>{letter}</span>}
        <h2 className="whitespace-nowrap">{letter ? `Answer ${letter}` : "Answer"}</h2>
        {children}
        <span className="ml-auto flex items-center gap-2">
          {chosen && <span className="inline-flex h-6 items-center gap-1 rounded-[6px] bg-accent-soft px-2 text-accent"><Check aria-hidden size={14} /> <span className="max-md:sr-only">Your choice</span></span>}
          {!editing && <Button kind="quiet" icon={Pencil} keyCap={keyCap} onClick={onEdit} className="px-2">{correction === undefined ? "Correct" : "Edit"}</Button>}
        </span>
      </header>
      <div tabIndex={0} role="group" aria-label={letter ? `Text of answer ${letter}` : "Text of the answer"} onClick={onChoose}
        className={clsx("min-h-24 flex-1 overflow-y-auto px-5 py-4 text-text -outline-offset-2", large)}>
        {editing ? <Editor text={text} correction={correction ?? text} onCorrect={onCorrect} onDone={onDone} />
          : correction !== undefined && correction !== text ? <WordDiff before={text} after={correction} />
          : text === "" ? <p className="text-md text-text-3">This answer is empty.</p> : <Untrusted text={text} />}
      </div>
      <footer className="nums flex gap-4 px-5 pb-3 text-text-3">
        <span>{words} {words === 1 ? "word" : "words"}</span> <span>{sentences} {sentences === 1 ? "sentence" : "sentences"}</span>
        {correction !== undefined && correction !== text && <span className="ml-auto text-right">Your text is preferred to this answer in training</span>}
      </footer>
    </section>
  );
}

function Editor({ text, correction, onCorrect, onDone }: { text: string; correction: string; onCorrect: (text: string) => void; onDone: () => void }) {
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    field.current?.focus();
    field.current?.setSelectionRange(correction.length, correction.length);
    // eslint-disable-next-line react-hooks/exhaustive-deps -- once, when it opens
  }, []);
  return (
    <div className="space-y-3" onClick={(event) => event.stopPropagation()}>
      <textarea ref={field} value={correction} onChange={(event) => onCorrect(event.target.value)} aria-label="The answer as it should have been" rows={Math.min(14, 3 + Math.ceil(correction.length / 60))}
        onKeyDown={(event) => { if (event.key === "Escape" || (event.key === "Enter" && (event.ctrlKey || event.metaKey))) { event.preventDefault(); event.stopPropagation(); onDone(); } }}
        className="w-full resize-y rounded-control border border-border-strong bg-surface px-3 py-2 text-text" />
      <div className="flex items-center gap-3 text-sm"><Button onClick={onDone} keyCap="Esc">Done</Button> {correction !== text && <Button kind="quiet" onClick={() => { onCorrect(text); onDone(); }}>Leave it as it was</Button>}</div>
      {correction !== text && <WordDiff before={text} after={correction} className="border-t border-border pt-3 text-md" />}
    </div>
  );
}
