/** What was said in a turn: the answer with its figures, and the prompt as it was sent. */
"use client";

import clsx from "clsx";
import { ChevronDown, ChevronRight, Wrench } from "lucide-react";
import { useState } from "react";

import type { InteractionShown } from "@/kit/api/schema";
import { count, duration } from "@/kit/format/format";
import { Untrusted } from "@/kit/text/Untrusted";
import { Copy } from "@/kit/ui/Copy";

import { shown, textOf, type Wish, wishesOf, words } from "./messages";

/** Text that is being made: it stands as it comes; screen readers hear it when it is done. */
export function Writing({ text, started }: { text: string; started: boolean }) {
  return (
    <div aria-live="off">
      <div className="text-lg text-text">
        {text ? <Untrusted inline text={text} className="whitespace-pre-wrap" /> : <span className="text-text-3">{started ? "Waits for the first token" : "Not begun"}</span>}
        {started && <span aria-hidden className="ml-0.5 inline-block h-[1.1em] w-0.5 translate-y-[3px] bg-accent" />}
      </div>
      {text && <p className="nums mt-2 text-xs text-text-3">{count(words(text))} words so far</p>}
    </div>
  );
}

export function Answer({ interaction }: { interaction: InteractionShown }) {
  const text = textOf(interaction.answer);
  const wishes = wishesOf(interaction.answer);
  const writing_s = (interaction.total_ms - (interaction.ttft_ms ?? 0)) / 1000;
  const speed = interaction.completion_tokens && writing_s > 0.005 ? interaction.completion_tokens / writing_s : null;
  const facts = [
    text && `${count(words(text))} words`,
    interaction.completion_tokens !== null && `${count(interaction.completion_tokens)} tokens`,
    speed && `${speed.toPrecision(2)} tokens a second`,
    interaction.ttft_ms !== null && `first token ${duration(interaction.ttft_ms / 1000)}`,
    interaction.finish_reason && interaction.finish_reason !== "stop" && `ended by ${interaction.finish_reason}`,
  ].filter(Boolean) as string[];
  return (
    <div>
      {interaction.error_code && <p className="mb-2 text-failed"><span className="font-mono text-xs">{interaction.error_code}</span> <Untrusted inline text={interaction.error_detail ?? ""} /></p>}
      {text && <Untrusted text={text} className="text-lg text-text" />}
      {wishes.map((wish, at) => <WishBox key={at} wish={wish} />)}
      <p className="nums mt-2 flex flex-wrap gap-x-4 text-xs text-text-3">{facts.map((fact) => <span key={fact}>{fact}</span>)}</p>
    </div>
  );
}

function WishBox({ wish }: { wish: Wish }) {
  return (
    <div className="mt-2 rounded-card border border-border bg-subtle p-3">
      <p className="flex items-center gap-1.5 text-xs text-text-3"><Wrench aria-hidden size={14} /> asks for <span className="font-mono text-text"><Untrusted inline text={wish.name} /></span></p>
      <Untrusted text={wish.args} className="mt-1 font-mono text-xs text-text" />
    </div>
  );
}

/** Every message, folded where long ago; the last two stand open. */
export function Prompt({ messages, sent }: { messages: Record<string, unknown>[]; sent?: string }) {
  return (
    <section>
      <div className="flex items-center"><h3>Prompt as sent</h3><span className="ml-auto text-sm font-[550]"><Copy text={sent ?? shown(messages)} label="Copy prompt">Copy</Copy></span></div>
      <ol className="mt-2 space-y-2.5">
        {messages.map((message, at) => <Message key={at} message={message} open={at === 0 || at >= messages.length - 2} />)}
      </ol>
    </section>
  );
}

function Message({ message, open: atFirst }: { message: Record<string, unknown>; open: boolean }) {
  const [open, setOpen] = useState(atFirst);
  const text = textOf(message);
  const wishes = wishesOf(message);
  const Chevron = open ? ChevronDown : ChevronRight;
  const size = words(text);
  return (
    <li className="rounded-card border border-border">
      <button type="button" aria-expanded={open} onClick={() => setOpen(!open)} className="flex h-9 w-full items-center gap-2 px-3 text-left">
        <Chevron aria-hidden size={14} className="text-text-3" /><span className="text-text-2">{String(message.role)}{typeof message.name === "string" ? `, ${message.name}` : ""}</span>
        <span className="nums ml-auto text-xs text-text-3">{size} {size === 1 ? "word" : "words"}</span>
      </button>
      {open && <div className={clsx("px-3 pb-3 text-text", message.role === "tool" && "font-mono text-xs")}><Untrusted text={text || (wishes.length > 0 ? "" : "(empty)")} />{wishes.map((wish, index) => <WishBox key={index} wish={wish} />)}</div>}
    </li>
  );
}
