/** A conversation as it was sent: each message with its role, tool calls as data, nothing interpreted. */
"use client";

import { useState } from "react";

import { digits } from "@/kit/format/format";
import { Untrusted } from "@/kit/text/Untrusted";
import { Copy } from "@/kit/ui/Copy";

import { textOf } from "./export";

type Message = Record<string, unknown>;
const LONG_LETTERS = 1_600;
const OTHER = new Set(["role", "content"]);

export function Messages({ messages }: { messages: Message[] }) {
  return <ol className="space-y-2">{messages.map((message, at) => <li key={at}><One message={message} /></li>)}</ol>;
}

export function One({ message, title, mark = false }: { message: Message; title?: string; mark?: boolean }) {
  const [all, setAll] = useState(false);
  const text = textOf(message);
  const rest = Object.entries(message).filter(([name, value]) => !OTHER.has(name) && value !== null && value !== undefined);
  const cut = !all && text.length > LONG_LETTERS;
  return (
    <section className={`rounded-card border p-3 ${mark ? "border-accent-line" : "border-border"}`}>
      <header className="mb-1 flex items-center justify-between gap-2 text-xs text-text-3"><span className="font-[550]">{title ?? String(message.role ?? "message")}</span><Copy text={text} label="Copy the text" /></header>
      {text && <Untrusted text={cut ? text.slice(0, LONG_LETTERS) : text} className="text-md text-text" />}
      {cut && <button type="button" onClick={() => setAll(true)} className="mt-1 min-h-6 text-accent hover:underline">Show all {digits(text.length)} letters</button>}
      {rest.map(([name, value]) => <div key={name} className="mt-2"><p className="text-xs text-text-3">{name}</p><Untrusted text={typeof value === "string" ? value : JSON.stringify(value, null, 2)} className="font-mono text-xs text-text" /></div>)}
    </section>
  );
}
