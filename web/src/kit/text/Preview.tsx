/** The beginning of an untrusted text on one line, with the words that were looked for marked. */
import { reveal } from "./Untrusted";

export function Preview({ text, mark, className }: { text: string; mark?: string | undefined; className?: string }) {
  const shown = reveal(text.replace(/\s+/g, " "));
  return <span dir="auto" className={className}>{mark ? marked(shown, mark) : shown}</span>;
}

/** Split the text where the words stand, whatever their case, and mark them. */
function marked(text: string, words: string): React.ReactNode[] {
  const low = text.toLowerCase(), sought = words.toLowerCase(), parts: React.ReactNode[] = [];
  let at = 0;
  if (low.length !== text.length) return [text]; // a letter whose small form is longer: places would not fit
  for (let found = low.indexOf(sought); found >= 0; found = low.indexOf(sought, at)) {
    parts.push(text.slice(at, found), <mark key={found} className="rounded-[3px] bg-mark text-text">{text.slice(found, found + sought.length)}</mark>);
    at = found + sought.length;
  }
  parts.push(text.slice(at));
  return parts;
}
