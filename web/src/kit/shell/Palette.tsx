/** Ctrl/Cmd-K: places, what this page can do (with its keys), things by name or id. What was chosen last comes first. */
"use client";

import { useQuery } from "@tanstack/react-query";
import { Command } from "cmdk";
import { Clock, CornerDownLeft, type LucideIcon, Search } from "lucide-react";
import { useRouter } from "next/navigation";
import { useState } from "react";

import { useOverview } from "../api/overview";
import { EVERYWHERE, type Group, table } from "../keys/registry";
import { href } from "../url";
import { KeyNames } from "./KeyNames";
import { PLACES } from "./map";
import { fetchThings, keepRecent, readRecent, type Thing } from "./things";

const ROW = "flex min-h-9 cursor-default items-center gap-3 rounded-control px-2.5 text-text data-[selected=true]:bg-accent-soft max-md:min-h-11";
const GROUP = "px-1.5 pb-1 [&_[cmdk-group-heading]]:px-2.5 [&_[cmdk-group-heading]]:pt-3 [&_[cmdk-group-heading]]:pb-1 [&_[cmdk-group-heading]]:text-xs [&_[cmdk-group-heading]]:text-text-3";
const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export function Palette({ onClose }: { onClose: () => void }) {
  const router = useRouter();
  const [typed, setTyped] = useState("");
  const [groups] = useState<Group[]>(() => table.groups()); // of the page below, before this opened
  const things = useQuery({ queryKey: ["things"], queryFn: fetchThings, staleTime: 30_000 });
  const now = useOverview().data;
  const recent = typed ? [] : readRecent();
  const go = (thing: Thing) => { keepRecent(thing); onClose(); router.push(thing.path); };
  const waits: Thing[] = typed || !now ? [] : [
    ...now.waiting.queues.map(({ id, name, items_open }) => ({ kind: "Queue", label: `Judge ${items_open} in ${name}`, path: href("/annotations/queue", { id }) })),
    ...now.waiting.runs.map(({ id, title, workflow }) => ({ kind: "Run", label: `Approve: ${title || workflow}`, path: href("/workflows/run", { id }) })),
    ...now.waiting.improvements.map(({ id, workflow }) => ({ kind: "Improvement", label: `Decide on ${workflow}`, path: href("/experiments/improvement", { id }) })),
  ];
  const byId: Thing[] = ID.test(typed.trim()) ? [
    { kind: "Run", label: `Run ${typed.trim()}`, path: href("/workflows/run", { id: typed.trim() }) },
    { kind: "Turn", label: `Turn ${typed.trim()}`, path: href("/interactions/turn", { id: typed.trim() }) },
  ] : [];
  const list = (heading: string, rows: Thing[], icon?: LucideIcon) => rows.length > 0 && (
    <Command.Group heading={heading} className={GROUP}>{rows.map((thing) => <ThingRow key={thing.path} thing={thing} icon={icon} heading={heading} onChoose={() => go(thing)} />)}</Command.Group>
  );
  return (
    <Command.Dialog open onOpenChange={(open) => !open && onClose()} label="Search or jump to" loop overlayClassName="fixed inset-0 z-40 bg-black/40"
      contentClassName="fixed top-[12vh] left-1/2 z-50 flex max-h-[70dvh] w-[calc(100vw-24px)] max-w-xl -translate-x-1/2 flex-col overflow-hidden rounded-sheet border border-border bg-surface shadow-pop [&>[cmdk-root]]:flex [&>[cmdk-root]]:min-h-0 [&>[cmdk-root]]:flex-col">
      <div className="flex h-12 shrink-0 items-center gap-2.5 border-b border-border px-4">
        <Search aria-hidden size={16} className="text-text-3" />
        <Command.Input value={typed} onValueChange={setTyped} placeholder="Search or jump to" className="min-w-0 flex-1 bg-transparent text-md text-text outline-none max-md:text-[16px]" />
      </div>
      <Command.List className="min-h-0 flex-1 overflow-y-auto overscroll-contain pb-1.5">
        <Command.Empty className="px-4 py-6 text-center">{things.isPending ? "Looking" : "Nothing has that name. An id opens a run or a turn."}</Command.Empty>
        {list("Waits for you", waits)}
        {list("By id", byId)}
        {list("Recent", recent, Clock)}
        <Command.Group heading="Places" className={GROUP}>
          {PLACES.map(({ label, path, icon: Icon, go: letter, question }) => (
            <Command.Item key={path} value={`place ${label}`} keywords={[question]} onSelect={() => { onClose(); router.push(path); }} className={ROW}>
              <Icon aria-hidden size={16} strokeWidth={1.75} className="shrink-0 text-text-2" /> <span>{label}</span>
              <span className="min-w-0 flex-1 truncate text-xs text-text-3 max-md:hidden">{question}</span> <KeyNames keys={[`g ${letter}`]} />
            </Command.Item>
          ))}
        </Command.Group>
        {groups.map(({ scope, rows }) => {
          const shown = rows.filter(({ keys, taken }) => taken.length < keys.length && !(scope === EVERYWHERE && /^(g .|Mod\+k)$/.test(keys[0]!)));
          return shown.length > 0 && (
            <Command.Group key={scope} heading={scope === EVERYWHERE ? "Actions" : `Here: ${scope}`} className={GROUP}>
              {shown.map(({ keys, label, run }) => (
                <Command.Item key={label} value={`${scope} ${label}`} onSelect={() => { onClose(); setTimeout(run); }} className={ROW}>
                  <CornerDownLeft aria-hidden size={16} strokeWidth={1.75} className="shrink-0 text-text-3" /> <span className="min-w-0 flex-1 truncate">{label}</span> <KeyNames keys={keys} />
                </Command.Item>
              ))}
            </Command.Group>
          );
        })}
        {typed && list("Things", things.data ?? [])}
      </Command.List>
    </Command.Dialog>
  );
}

function ThingRow({ thing, icon: Icon = CornerDownLeft, heading, onChoose }: { thing: Thing; icon?: LucideIcon | undefined; heading: string; onChoose: () => void }) {
  return (
    <Command.Item value={`${heading} ${thing.kind} ${thing.label} ${thing.path}`} onSelect={onChoose} className={ROW}>
      <Icon aria-hidden size={16} strokeWidth={1.75} className="shrink-0 text-text-3" /> <span className="min-w-0 flex-1 truncate">{thing.label}</span> <span className="text-xs text-text-3">{thing.kind}</span>
    </Command.Item>
  );
}
