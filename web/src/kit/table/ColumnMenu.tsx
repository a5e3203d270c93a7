/** Which columns, in which order. */
"use client";

import { ArrowDown, ArrowUp, Columns3, RotateCcw } from "lucide-react";
import { useState } from "react";

import { Button, IconButton } from "../ui/Button";
import { CheckField } from "../ui/Field";
import { Popover } from "../ui/Popover";

export interface ColumnChoices {
  choices: { id: string; title: string; shown: boolean }[];
  show: (id: string, shown: boolean) => void;
  move: (id: string, by: -1 | 1) => void;
  reset: () => void;
}

export function ColumnMenu({ choices, show, move, reset }: ColumnChoices) {
  const last = choices.filter((choice) => choice.shown).length === 1;
  const [open, setOpen] = useState(false);
  return (
    <Popover label="Columns" open={open} onOpen={setOpen} className="w-64 p-2" button={(asked) => <IconButton icon={Columns3} label="Columns" className="max-md:hidden" {...asked} />}>
      <ul>
        {choices.map(({ id, title, shown }, at) => (
          <li key={id} className="flex items-center gap-1 rounded-control px-1.5 hover:bg-hover">
            <CheckField label={title} checked={shown} disabled={shown && last} onChange={(event) => show(id, event.target.checked)} className="flex-1" />
            <IconButton icon={ArrowUp} label={`${title}: further left`} disabled={at === 0} onClick={() => move(id, -1)} className="size-7" />
            <IconButton icon={ArrowDown} label={`${title}: further right`} disabled={at === choices.length - 1} onClick={() => move(id, 1)} className="size-7" />
          </li>
        ))}
      </ul>
      <Button kind="quiet" icon={RotateCcw} onClick={reset} className="mt-1 w-full">As they were</Button>
    </Popover>
  );
}
