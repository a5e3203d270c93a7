/** What can be done with the selected turns. */
"use client";

import { Download, PenLine, X } from "lucide-react";
import { DropdownMenu } from "radix-ui";
import { useState } from "react";

import { digits } from "@/kit/format/format";
import { useKeys } from "@/kit/keys/useKeys";
import { Button, IconButton } from "@/kit/ui/Button";
import { Dialog } from "@/kit/ui/Dialog";
import { ErrorBox } from "@/kit/ui/Moments";
import { say } from "@/kit/ui/Toast";

import { exportFilter, exportTurns, type Format } from "./export";
import type { Filter } from "./queries";
import { QueueDialog } from "./QueueDialog";

const ITEM = "flex h-8 cursor-pointer items-center rounded-control px-2.5 text-text outline-none data-highlighted:bg-accent-soft max-md:h-11";

/** A button that saves the chosen turns, or all that the filter finds. */
export function ExportMenu({ ids, filter, quiet = false }: { ids: readonly string[]; filter: Filter; quiet?: boolean }) {
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const run = async (format: Format) => {
    setBusy(true);
    try {
      await (ids.length > 0 ? exportTurns(ids, format) : exportFilter(filter, format));
      say(ids.length > 0 ? `${digits(ids.length)} turns saved as turns.${format}` : `All turns found saved as turns.${format}`);
    } catch (caught) { setError(caught); }
    setBusy(false);
  };
  return (
    <>
      <DropdownMenu.Root>
        <DropdownMenu.Trigger asChild>{quiet ? <IconButton icon={Download} label={busy ? "Exporting" : "Export all that is found"} disabled={busy} /> : <Button icon={Download} busy={busy} keyCap="E">Export</Button>}</DropdownMenu.Trigger>
        <DropdownMenu.Portal>
          <DropdownMenu.Content align="end" sideOffset={4} className="z-50 min-w-44 rounded-sheet border border-border bg-surface p-1 shadow-pop">
            <DropdownMenu.Item className={ITEM} onSelect={() => void run("jsonl")}>JSON lines, everything</DropdownMenu.Item>
            <DropdownMenu.Item className={ITEM} onSelect={() => void run("csv")}>CSV, for a spreadsheet</DropdownMenu.Item>
          </DropdownMenu.Content>
        </DropdownMenu.Portal>
      </DropdownMenu.Root>
      <Dialog open={error !== null} onClose={() => setError(null)} title="Nothing was saved" actions={<Button onClick={() => setError(null)}>Close</Button>}><ErrorBox error={error} /></Dialog>
    </>
  );
}

export function BulkBar({ ids, filter, onClear }: { ids: readonly string[]; filter: Filter; onClear: () => void }) {
  const [queueing, setQueueing] = useState(false);
  useKeys("Turns", [
    { keys: "q", label: "Selected turns to a queue", run: () => setQueueing(true) },
    { keys: "Escape", label: "Clear the selection", run: onClear },
    { keys: "e", label: "Export the selected turns as JSON lines", run: () => void exportTurns(ids, "jsonl") },
  ]);
  return (
    <div role="toolbar" aria-label="Selected turns" data-keys="live" className="absolute bottom-4 left-1/2 z-20 flex -translate-x-1/2 items-center gap-2 rounded-sheet border border-border bg-surface p-2 pl-4 shadow-pop max-md:inset-x-2 max-md:bottom-2 max-md:translate-x-0 max-md:flex-wrap">
      <span className="nums mr-1 font-[550] whitespace-nowrap text-text">{digits(ids.length)} selected</span>
      <Button kind="accent" icon={PenLine} keyCap="Q" onClick={() => setQueueing(true)}>To a queue</Button>
      <ExportMenu ids={ids} filter={filter} />
      <IconButton icon={X} label="Clear the selection" onClick={onClear} />
      {queueing && <QueueDialog ids={ids} onClose={() => setQueueing(false)} onDone={onClear} />}
    </div>
  );
}
