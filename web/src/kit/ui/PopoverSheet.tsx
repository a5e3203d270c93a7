/** The sheet of a Popover, at its button: it closes by Escape and by a press beside it. */
"use client";

import clsx from "clsx";
import { Popover as Radix } from "radix-ui";
import type { ReactNode, RefObject } from "react";

export function PopoverSheet({ anchor, label, onClose, className, children }: {
  anchor: RefObject<HTMLButtonElement | null>; label: string; onClose: () => void; className: string; children: ReactNode;
}) {
  const focusBack = (event: Event) => {
    event.preventDefault();
    if (document.activeElement === document.body) anchor.current?.focus(); // and not away from what was pressed beside it
  };
  return (
    <Radix.Root open onOpenChange={onClose}>
      <Radix.Anchor virtualRef={anchor as RefObject<HTMLButtonElement>} />
      <Radix.Portal>
        <Radix.Content align="end" sideOffset={4} aria-label={label} onCloseAutoFocus={focusBack}
          onInteractOutside={(event) => { if (anchor.current?.contains(event.target as Node)) event.preventDefault(); }} // its own press closes it
          collisionPadding={8} className={clsx("z-50 max-h-(--radix-popover-content-available-height) overflow-y-auto rounded-sheet border border-border bg-surface shadow-pop", className)}>
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
