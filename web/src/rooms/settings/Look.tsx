/** Theme, height of rows, the keyboard: how somebody likes it, here at once and soon in every browser of theirs. */
"use client";

import { Keyboard, Undo2 } from "lucide-react";

import { prefer, type Prefs, usePref, usePrefsState } from "@/kit/prefs/prefs";
import { KeyNames } from "@/kit/shell/KeyNames";
import { openKeys } from "@/kit/shell/overlays";
import { ThemeChoice } from "@/kit/shell/ThemeChoice";
import { Button, IconButton } from "@/kit/ui/Button";
import { Card } from "@/kit/ui/Card";
import { CheckField, SelectField } from "@/kit/ui/Field";

const DENSITIES: { value: Prefs["density"]; label: string }[] = [
  { value: "compact", label: "Compact, 28 px rows" }, { value: "default", label: "Default, 36 px rows" }, { value: "relaxed", label: "Relaxed, 44 px rows" },
];

export function Look() {
  const problem = usePrefsState((state) => state.problem);
  return (
    <Card title="Look and keyboard">
      <div className="space-y-4">
        <div><p className="mb-1 font-[550] text-text">Theme</p><ThemeChoice /></div>
        <SelectField label="Tables" options={DENSITIES} value={usePref("density")} onChange={(event) => prefer({ density: event.target.value as Prefs["density"] })} />
        <CheckField label="Single keys are on" help="Off: letters, digits and signs do nothing alone. Ctrl-K, Enter and Esc go on." checked={usePref("keys_enabled")} onChange={(event) => prefer({ keys_enabled: event.target.checked })} />
        <CheckField label="Fast lane when judging" help="A choice among answers is saved at once; U takes it back." checked={usePref("fast_lane")} onChange={(event) => prefer({ fast_lane: event.target.checked })} />
        <Remapped />
        <Button icon={Keyboard} keyCap="?" onClick={openKeys}>Show and change the keys</Button>
        {problem && <p role="alert" className="text-attention">Kept in this browser only, for now: {problem}</p>}
      </div>
    </Card>
  );
}

/** Which keys are others than they were; each page's own are changed on its sheet of keys. */
function Remapped() {
  const remapped = usePref("remapped_keys");
  const changed = Object.entries(remapped);
  if (changed.length === 0) return <p className="text-xs text-text-3">Every key can be another one, or off: press <kbd className="font-sans font-semibold">?</kbd> on the page that has it.</p>;
  const back = (label: string) => prefer({ remapped_keys: Object.fromEntries(changed.filter(([each]) => each !== label)) });
  return (
    <div>
      <p className="mb-1 font-[550] text-text">Keys of your own</p>
      <ul className="divide-y divide-border">
        {changed.map(([label, key]) => (
          <li key={label} className="flex min-h-8 items-center gap-2"><span className="min-w-0 flex-1">{label}</span>{key ? <KeyNames keys={[key]} /> : <span className="text-text-3">off</span>}<IconButton icon={Undo2} label={`Give “${label}” its own key back`} className="size-7" onClick={() => back(label)} /></li>
        ))}
      </ul>
    </div>
  );
}
