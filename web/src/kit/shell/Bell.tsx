/** The bell: how much is unread, and the latest of the inbox at a glance. */
"use client";

import { Bell as Icon, CheckCheck } from "lucide-react";
import { useEffect, useRef, useState } from "react";

import { useLatest, useRead, useUnread } from "../api/inbox";
import type { NoticeShown } from "../api/schema";
import { Button } from "../ui/Button";
import { ErrorBox, Skeleton } from "../ui/Moments";
import { Notice } from "../ui/Notice";
import { NavLink } from "./NavLink";

const GLANCE = 8;

export function Bell() {
  const [open, setOpen] = useState(false);
  const around = useRef<HTMLDivElement>(null);
  const { data } = useUnread();
  useEffect(() => {
    if (!open) return;
    const outside = (event: PointerEvent) => { if (!around.current?.contains(event.target as Node)) setOpen(false); };
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, [open]);
  const unread = data?.unread ?? 0;
  const said = data?.more ? "more than 100 unread" : unread ? `${unread} unread` : "nothing unread";
  return (
    <div ref={around} className="relative" onKeyDown={(event) => { if (event.key === "Escape" && open) { setOpen(false); event.preventDefault(); around.current?.querySelector("button")?.focus(); } }}>
      <button type="button" aria-expanded={open} aria-label={`Inbox, ${said}`} title={`Inbox: ${said}`} onClick={() => setOpen(!open)}
        className="relative flex size-7 items-center justify-center rounded-control text-text-2 hover:bg-hover hover:text-text max-md:size-9">
        <Icon aria-hidden size={16} strokeWidth={1.75} />
        {unread > 0 && <span aria-hidden className="nums absolute -top-1 -right-1.5 min-w-4 rounded-full bg-accent px-1 text-center text-2xs font-semibold text-on-accent">{data?.more || unread > 99 ? "99+" : unread}</span>}
      </button>
      {open && <Glance unread={unread} onLeave={() => setOpen(false)} />}
    </div>
  );
}

function Glance({ unread, onLeave }: { unread: number; onLeave: () => void }) {
  const { data, error, isPending } = useLatest(GLANCE);
  const read = useRead();
  const openOne = (notice: NoticeShown) => { if (!notice.read) read.mutate([notice]); if (notice.path) onLeave(); };
  return (
    <section aria-label="Inbox" className="absolute top-9 right-0 z-40 w-96 overflow-hidden rounded-sheet border border-border bg-surface shadow-pop max-md:fixed max-md:inset-x-2 max-md:top-12 max-md:w-auto">
      <header className="flex min-h-11 items-center gap-2 border-b border-border pr-2 pl-4">
        <h2>Inbox</h2>
        <span className="ml-auto">{unread > 0 && <Button kind="quiet" icon={CheckCheck} busy={read.isPending} onClick={() => read.mutate(null)}>Read all</Button>}</span>
      </header>
      {isPending && <Skeleton rows={3} />}
      {error && <div className="p-3"><ErrorBox error={error} /></div>}
      {data?.items.length === 0 && <p className="px-4 py-6 text-center text-text-3">What waits for you or fails will stand here by itself.</p>}
      <ul className="max-h-[60dvh] overflow-y-auto">{data?.items.map((notice) => <Notice key={notice.id} notice={notice} onOpen={openOne} />)}</ul>
      <footer className="flex gap-4 border-t border-border px-4 py-2.5 text-sm">
        <NavLink href="/notifications/" onClick={onLeave} className="text-accent hover:underline">All of it</NavLink>
        <NavLink href="/settings/notifications/" onClick={onLeave} className="ml-auto text-text-2 hover:text-text hover:underline">What is told to whom</NavLink>
      </footer>
    </section>
  );
}
