/** Text of models, tools and logs: data, shown as text. Invisible and direction-changing characters are made visible. */
import clsx from "clsx";

// C0/C1 controls but tab and newline, zero-width, bidi controls, BOM, tags, variation selectors beyond emoji's
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]|[\u{e0000}-\u{e007f}]/gu;

/** Return the text with each hidden character written as ⟨U+200B⟩. */
export function reveal(text: string): string {
  return text.replace(HIDDEN, (found) => `⟨U+${found.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}⟩`);
}

export function Untrusted({ text, className, inline = false }: { text: string; className?: string; inline?: boolean }) {
  const Shape = inline ? "span" : "div";
  return <Shape dir="auto" className={clsx(!inline && "whitespace-pre-wrap", "[overflow-wrap:anywhere]", className)}>{reveal(text)}</Shape>;
}
