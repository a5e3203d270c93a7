/** What can be done with the selected turns. */
"use client";

import { PenLine, X } from "lucide-react";
import { useState } from "react";

import { digits } from "@/kit/format/format";
import { useKeys } from "@/kit/keys/useKeys";
import { Button, IconButton } from "@/kit/ui/Button";

import { exportTurns } from "./export";
import { ExportMenu } from "./ExportMenu";
import type { Filter } from "./queries";
import { QueueDialog } from "./QueueDialog";

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
