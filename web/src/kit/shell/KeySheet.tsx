/** The keys of this page and of every page, read from the table that binds them. */
"use client";

import { useState } from "react";

import { type Group, table } from "../keys/registry";
import { prefer, usePref } from "../prefs/prefs";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { CheckField } from "../ui/Field";
import { KeyNames } from "./KeyNames";

export function KeySheet({ onClose }: { onClose: () => void }) {
  const [groups] = useState<Group[]>(() => table.groups());
  const enabled = usePref("keys_enabled");
  return (
    <Dialog open onClose={onClose} wide title="Keys" actions={<Button onClick={onClose}>Close</Button>}>
      <div className="gap-8 sm:columns-2">
        {groups.map(({ scope, rows }) => (
          <section key={scope} className="mb-4 break-inside-avoid-column">
            <h3 className="mb-1">{scope}</h3>
            <dl>
              {rows.map(({ keys, label, taken }) => (
                <div key={label} className="flex min-h-8 items-center gap-3 border-b border-border py-1">
                  <dt className="min-w-0 flex-1">{label}{taken.length > 0 && <span className="text-text-3"> (here {taken.join(", ")} does what the page says)</span>}</dt>
                  <dd><KeyNames keys={keys} /></dd>
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
