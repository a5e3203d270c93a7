/** Why an item is skipped: one key for the usual reasons, or words. */
"use client";

import { useState } from "react";

import { Button, KeyCap } from "@/kit/ui/Button";
import { Dialog } from "@/kit/ui/Dialog";
import { TextField } from "@/kit/ui/Field";

const USUAL = ["I cannot tell", "Not enough context", "Not for me", "The item is broken"];

export function SkipDialog({ open, onClose, onSkip }: { open: boolean; onClose: () => void; onSkip: (reason: string) => void }) {
  const [own, setOwn] = useState("");
  const done = (reason: string) => { setOwn(""); onSkip(reason); };
  return (
    <Dialog open={open} onClose={onClose} title="Why skip it?" actions={<><Button onClick={onClose}>Keep judging</Button><Button kind="ink" disabled={own.trim() === ""} reason={own.trim() === "" ? "Write a reason, or take one above" : undefined} onClick={() => done(own.trim())}>Skip</Button></>}>
      <div onKeyDown={(event) => {
        const typing = event.target instanceof HTMLInputElement;
        const at = Number(event.key) - 1;
        if (!typing && USUAL[at]) { event.preventDefault(); done(USUAL[at]); }
        if (typing && event.key === "Enter" && own.trim() && !event.nativeEvent.isComposing) { event.preventDefault(); done(own.trim()); }
      }} className="space-y-3">
        <p>It goes to the end of the queue, for you or somebody else.</p>
        <div className="grid gap-2">{USUAL.map((reason, at) => (
          <button key={reason} type="button" onClick={() => done(reason)} className="flex h-9 items-center gap-2 rounded-control border border-border px-3 text-left text-text hover:bg-hover max-md:h-11"><KeyCap>{at + 1}</KeyCap> {reason}</button>
        ))}</div>
        <TextField label="Another reason" value={own} onChange={(event) => setOwn(event.target.value)} maxLength={500} />
      </div>
    </Dialog>
  );
}
