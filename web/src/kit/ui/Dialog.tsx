/** Dialogs: only for what cannot be undone or needs input. The title is the question, the buttons are its verbs. */
"use client";

import { Dialog as Radix } from "radix-ui";

export function Dialog({ open, onClose, title, children, actions, wide = false }: {
  open: boolean; onClose: () => void; title: string; children: React.ReactNode; actions: React.ReactNode; wide?: boolean;
}) {
  return (
    <Radix.Root open={open} onOpenChange={(next) => !next && onClose()}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 bg-[rgb(0_0_0/40%)]" />
        <Radix.Content aria-describedby={undefined} className={`fixed top-1/2 left-1/2 z-50 max-h-[85dvh] w-[calc(100vw-24px)] ${wide ? "max-w-3xl" : "max-w-md"} -translate-x-1/2 -translate-y-1/2 overflow-auto rounded-sheet border border-border bg-surface p-5 shadow-pop`}>
          <Radix.Title className="text-fig font-semibold text-text">{title}</Radix.Title>
          <div className="mt-2 space-y-3">{children}</div>
          <div className="mt-4 flex flex-wrap justify-end gap-2">{actions}</div>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
