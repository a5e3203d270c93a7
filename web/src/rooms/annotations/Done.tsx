/** Nothing is left: what was done, and what to do with it. */
"use client";

import { CircleCheck } from "lucide-react";

import type { QueueShown } from "@/kit/api/schema";
import { digits, duration } from "@/kit/format/format";
import { Button, LinkButton } from "@/kit/ui/Button";
import { EmptyState } from "@/kit/ui/Moments";

import type { Desk } from "./desk";

export function Done({ queue, state, onUndo, onMore }: { queue: QueueShown; state: Desk; onUndo: () => void; onMore: () => void }) {
  const mine = state.judged.length;
  const spent = state.judged.reduce((total, entry) => total + entry.spentMs, 0) / 1000;
  const others = (state.open ?? 0) > 0;
  return (
    <EmptyState icon={CircleCheck} title={mine > 0 ? `All judged. ${digits(mine)} in ${duration(spent)}.` : "Nothing here waits for you."}
      action={<><LinkButton kind="ink" href="/datasets/build/">Build the dataset</LinkButton>{mine > 0 && <Button keyCap="U" onClick={onUndo}>Undo the last</Button>}<Button onClick={onMore}>Look again</Button></>}>
      {others ? `${digits(state.open)} are with other people, or want another person's word.` : `All ${digits(queue.items_total)} items of this queue are judged.`}
    </EmptyState>
  );
}
