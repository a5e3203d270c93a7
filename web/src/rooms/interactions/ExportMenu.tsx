/** A button that saves the chosen turns, or all that the filter finds. */
"use client";

import { Download } from "lucide-react";
import { useState } from "react";

import { digits } from "@/kit/format/format";
import { useKeys } from "@/kit/keys/useKeys";
import { Button, IconButton } from "@/kit/ui/Button";
import { ErrorBox } from "@/kit/ui/Moments";
import { Popover } from "@/kit/ui/Popover";
import { say } from "@/kit/ui/Toast";

import { exportFilter, exportTurns, type Format } from "./export";
import type { Filter } from "./fields";

const FORMATS: readonly (readonly [Format, string])[] = [["jsonl", "JSON lines, everything"], ["csv", "CSV, for a spreadsheet"]];

export function ExportMenu({ ids, filter, quiet = false }: { ids: readonly string[]; filter: Filter; quiet?: boolean }) {
  const [open, setOpen] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const run = async (format: Format) => {
    setOpen(false);
    setBusy(true);
    try {
      await (ids.length > 0 ? exportTurns(ids, format) : exportFilter(filter, format));
      say(ids.length > 0 ? `${digits(ids.length)} turns saved as turns.${format}` : `All turns found saved as turns.${format}`);
    } catch (caught) {
      setError(caught);
      setOpen(true);
    }
    setBusy(false);
  };
  useKeys("Turns", [{ keys: "e", label: "Export the selected turns as JSON lines", off: quiet || busy, run: () => void run("jsonl") }]);
  return (
    <Popover label="Export" open={open} onOpen={(next) => { setOpen(next); setError(null); }} className="w-64 max-w-[calc(100vw-24px)] p-1"
      button={(asked) => quiet ? <IconButton icon={Download} label={busy ? "Exporting" : "Export all that is found"} disabled={busy} {...asked} /> : <Button icon={Download} busy={busy} keyCap="E" {...asked}>Export</Button>}>
      {error !== null && <ErrorBox error={error} title="Nothing was saved" />}
      {FORMATS.map(([format, words]) => (
        <button key={format} type="button" onClick={() => void run(format)} className="flex h-8 w-full items-center rounded-control px-2.5 text-left text-text hover:bg-accent-soft max-md:h-11">{words}</button>
      ))}
    </Popover>
  );
}
