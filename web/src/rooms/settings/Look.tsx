/** Theme, height of rows, the keyboard: how somebody likes it, here at once and soon in every browser of theirs. */
"use client";

import { Keyboard } from "lucide-react";

import { prefer, type Prefs, usePref, usePrefsState } from "@/kit/prefs/prefs";
import { openKeys } from "@/kit/shell/overlays";
import { ThemeChoice } from "@/kit/shell/ThemeChoice";
import { Button } from "@/kit/ui/Button";
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
        <Button icon={Keyboard} keyCap="?" onClick={openKeys}>Show the keys</Button>
        {problem && <p role="alert" className="text-attention">Kept in this browser only, for now: {problem}</p>}
      </div>
    </Card>
  );
}
