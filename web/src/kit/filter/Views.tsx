/** Saved views of a page: its URL's query under a name, kept with the preferences. `v` opens them. */
"use client";

import { Bookmark, ChevronDown, Plus, Trash2 } from "lucide-react";
import { useRouter, useSearchParams } from "next/navigation";
import { useState } from "react";

import { useKeys } from "../keys/useKeys";
import { prefer, usePref } from "../prefs/prefs";
import { Button, IconButton } from "../ui/Button";
import { TextField } from "../ui/Field";
import { Popover } from "../ui/Popover";
import { say } from "../ui/Toast";

interface ViewsProps {
  /** The page, as preferences know it: "/interactions". */
  path: string;
  /** Names in the query that are no part of a view, such as the open row. */
  without?: readonly string[];
}

export function Views({ path, without = [] }: ViewsProps) {
  const all = usePref("views");
  const views = all[path] ?? [];
  const router = useRouter();
  const params = useSearchParams();
  const [open, setOpen] = useState(false);
  const [name, setName] = useState("");
  const query = new URLSearchParams([...params].filter(([key]) => !without.includes(key))).toString();
  const current = views.find((view) => view.query === query);
  const keep = (next: typeof views) => prefer({ views: { ...all, [path]: next } });
  const save = () => {
    keep([...views.filter((view) => view.name !== name.trim()), { name: name.trim(), query }]);
    say(`This view is kept as ${name.trim()}`);
    setName("");
    setOpen(false);
  };
  useKeys("Views", [{ keys: "v", label: "Saved views", run: () => setOpen(true) }]);
  return (
    <Popover label="Saved views" open={open} onOpen={setOpen} className="w-72 p-2"
      button={(asked) => <Button icon={Bookmark} className="h-9 max-w-48 max-md:hidden" {...asked}><span className="truncate">{current?.name ?? "Views"}</span> <ChevronDown aria-hidden size={14} /></Button>}>
      {views.length === 0 && <p className="px-2 py-1 text-text-3">No view is kept yet. Filter, then give it a name.</p>}
      <ul>
        {views.map((view) => (
          <li key={view.name} className="flex items-center rounded-control hover:bg-hover">
            <button type="button" aria-current={view === current ? "true" : undefined} onClick={() => { router.push(`${path}/?${view.query}`, { scroll: false }); setOpen(false); }} className={`h-8 min-w-0 flex-1 truncate px-2 text-left ${view === current ? "font-[550] text-accent" : "text-text"}`}>{view.name}</button>
            <IconButton icon={Trash2} label={`Forget ${view.name}`} className="size-7" onClick={() => { keep(views.filter((each) => each !== view)); say(`${view.name} is forgotten`, () => keep(views)); }} />
          </li>
        ))}
      </ul>
      {!current && query !== "" && (
        <form className="mt-2 flex items-end gap-2 border-t border-border pt-2" onSubmit={(event) => { event.preventDefault(); if (name.trim()) save(); }}>
          <TextField label="Keep this view as" maxLength={80} value={name} onChange={(event) => setName(event.target.value)} className="flex-1" />
          <Button kind="ink" icon={Plus} type="submit" disabled={name.trim() === ""}>Keep</Button>
        </form>
      )}
    </Popover>
  );
}
