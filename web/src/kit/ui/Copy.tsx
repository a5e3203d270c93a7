/** One click copies; says so for 1.5 s. */
"use client";

import clsx from "clsx";
import { Check, Copy as CopyIcon } from "lucide-react";
import { useEffect, useState } from "react";

export function Copy({ text, children, className, label = "Copy" }: { text: string; children?: React.ReactNode; className?: string; label?: string }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1500);
    return () => clearTimeout(timer);
  }, [copied]);
  const Icon = copied ? Check : CopyIcon;
  return (
    <button type="button" title={`${label}: ${text.slice(0, 200)}`} onClick={(event) => void copy(text, event.currentTarget).then(setCopied)}
      className={clsx("inline-flex min-h-6 max-w-full items-center gap-1.5 rounded-key hover:text-text", className)}>
      <span className="truncate">{children}</span>
      <Icon aria-hidden size={14} className="shrink-0" />
      <span className="sr-only" aria-live="polite">{copied ? "Copied" : label}</span>
    </button>
  );
}

/** Put a text on the clipboard; tell whether it is there. By plain http from elsewhere only a selection can be copied. */
async function copy(text: string, beside: HTMLElement): Promise<boolean> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text).then(() => true, () => false);
  const field = Object.assign(document.createElement("textarea"), { value: text, className: "sr-only" });
  beside.after(field); // in the dialog that the button is in, which keeps the focus to itself
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  beside.focus();
  return done;
}
