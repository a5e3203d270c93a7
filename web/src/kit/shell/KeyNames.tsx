/** Keys as caps: "g h" is one after the other, "Shift+x" together. */
import { Fragment } from "react";

const MAC = typeof navigator !== "undefined" && /Mac|iPhone|iPad/.test(navigator.userAgent);
const NAMES: Record<string, string> = {
  Mod: MAC ? "⌘" : "Ctrl", Escape: "Esc", ArrowDown: "↓", ArrowUp: "↑", ArrowLeft: "←", ArrowRight: "→",
};
const CAP = "inline-flex h-5 min-w-5 items-center justify-center rounded-key border border-border-strong px-1 font-sans text-2xs text-text";

export function KeyNames({ keys }: { keys: string[] }) {
  return (
    <span className="flex items-center gap-1 whitespace-nowrap text-text-3">
      {keys.map((name, at) => (
        <Fragment key={name}>
          {at > 0 && "or"}
          {name.split(" ").map((step, which) => <Fragment key={which}>{which > 0 && "then"}{step.split("+").map((part) => <kbd key={part} className={CAP}>{NAMES[part] ?? (part.length === 1 ? part.toUpperCase() : part)}</kbd>)}</Fragment>)}
        </Fragment>
      ))}
    </span>
  );
}
