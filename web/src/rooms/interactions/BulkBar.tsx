/** What can be done with the selected turns. */
"use client";

import { PenLine } from "lucide-react";
import { useState } from "react";

import { useKeys } from "@/kit/keys/useKeys";
import { QueueDialog } from "@/kit/queues/QueueDialog";
import { Selected } from "@/kit/table/Selected";
import { Button } from "@/kit/ui/Button";

import { ExportMenu } from "./ExportMenu";
import type { Filter } from "./fields";

export function BulkBar({ ids, filter, onClear }: { ids: readonly string[]; filter: Filter; onClear: () => void }) {
  const [queueing, setQueueing] = useState(false);
  useKeys("Turns", [
    { keys: "q", label: "Selected turns to a queue", run: () => setQueueing(true) },
    { keys: "Escape", label: "Clear the selection", run: onClear },
  ]);
  return (
    <Selected label="Selected turns" count={ids.length} onClear={onClear}>
      <Button kind="accent" icon={PenLine} keyCap="Q" onClick={() => setQueueing(true)}>To a queue</Button>
      <ExportMenu ids={ids} filter={filter} />
      {queueing && <QueueDialog ids={ids} onClose={() => setQueueing(false)} onDone={onClear} />}
    </Selected>
  );
}
