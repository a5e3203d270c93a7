/** The keys of this page and of every page, read from the table that binds them. */
"use client";

import { Pencil, Undo2 } from "lucide-react";
import { useState, useSyncExternalStore } from "react";

import { isSingle, nameOf, table } from "../keys/registry";
import { prefer, usePref } from "../prefs/prefs";
import { Button, IconButton } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { CheckField } from "../ui/Field";
import { KeyNames } from "./KeyNames";

export function KeySheet({ onClose }: { onClose: () => void }) {
  useSyncExternalStore(table.watch, table.read, () => 0); // a key that was changed stands there at once
  const groups = table.groups();
  const [changing, setChanging] = useState<string | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const enabled = usePref("keys_enabled");
  const remapped = usePref("remapped_keys");
  const ask = (label: string) => { setChanging(changing === label ? null : label); setProblem(null); };
  const take = (label: string, key: string | null) => {
    const others = Object.entries(remapped).filter(([each]) => each !== label);
    prefer({ remapped_keys: Object.fromEntries(key === null ? others : [...others, [label, key]]) });
    setChanging(null);
    setProblem(null);
  };
  const press = (label: string, off: boolean) => (event: React.KeyboardEvent) => {
    const name = nameOf(event.nativeEvent);
    if (name === "Tab" || name === "Escape" || name === "Shift+Tab" || name === "Shift") return;
    event.preventDefault();
    if (name === "Delete" || name === "Backspace") return take(label, "");
    const other = groups.flatMap((group) => group.rows).find((row) => row.label !== label && row.keys.some((key) => key === name || key.startsWith(`${name} `)));
    if (off || !isSingle(name)) setProblem(off ? "These can only be switched off: Delete" : "A letter, a digit or a sign; with Shift, if you like");
    else if (other) setProblem(`This is the key of “${other.label}”`);
    else take(label, name);
  };
  return (
    <Dialog open onClose={onClose} wide title="Keys" actions={<Button onClick={onClose}>Close</Button>}>
      <div className="gap-8 sm:columns-2">
        {groups.map(({ scope, rows }) => (
          <section key={scope} className="mb-4 break-inside-avoid-column">
            <h3 className="mb-1">{scope}</h3>
            <dl>
              {rows.map(({ keys, label, taken, change }) => (
                <div key={label} className="flex min-h-8 items-center gap-3 border-b border-border py-1">
                  <dt className="min-w-0 flex-1">{label}{taken.length > 0 && <span className="text-text-3"> (here {taken.join(", ")} does what the page says)</span>}
                    {changing === label && <span role="status" className="block text-xs text-text-3">{problem ?? (change === "any" ? "Press the new key, or Delete for none" : "Delete switches them off")}</span>}
                  </dt>
                  <dd className="flex items-center gap-1.5">
                    {keys.length > 0 ? <KeyNames keys={keys} /> : <span className="text-text-3">off</span>}
                    {remapped[label] !== undefined && <IconButton icon={Undo2} label={`Give “${label}” its own key back`} className="size-6" onClick={() => take(label, null)} />}
                    {change && <IconButton icon={Pencil} label={`Change the key of “${label}”`} aria-pressed={changing === label} className="size-6 aria-pressed:bg-accent-soft" onClick={() => ask(label)} onKeyDown={changing === label ? press(label, change === "off") : undefined} />}
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <CheckField label="Single keys are on" help="Off: letters, digits and signs do nothing alone. Ctrl-K, Enter and Esc go on." checked={enabled} onChange={(event) => prefer({ keys_enabled: event.target.checked })} />
    </Dialog>
  );
}
