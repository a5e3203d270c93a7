/** Who is signed in, and what concerns them: the look, settings, the way out. */
"use client";

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { KeyRound, LogOut, Settings } from "lucide-react";
import { useEffect, useRef, useState } from "react";

import { api, unwrap } from "../api/client";
import { signOut } from "../api/signIn";
import { forgetPrefs } from "../prefs/prefs";
import { NavLink } from "./NavLink";
import { openKeys } from "./overlays";
import { ThemeChoice } from "./ThemeChoice";
import { forgetSeen } from "./worker";

const ITEM = "flex h-8 w-full items-center gap-2.5 rounded-control px-2.5 text-text hover:bg-hover max-md:h-11";

export function UserMenu() {
  const [open, setOpen] = useState(false);
  const around = useRef<HTMLDivElement>(null);
  const me = useQuery({ queryKey: ["me"], queryFn: () => unwrap(api.GET("/api/v1/me")), staleTime: Infinity });
  const client = useQueryClient();
  useEffect(() => {
    if (!open) return;
    const outside = (event: PointerEvent) => { if (!around.current?.contains(event.target as Node)) setOpen(false); };
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, [open]);
  const leave = async () => {
    await signOut();
    forgetPrefs();
    await forgetSeen();
    client.clear();
  };
  const name = me.data?.name ?? "";
  return (
    <div ref={around} className="relative" onKeyDown={(event) => { if (event.key === "Escape" && open) { setOpen(false); event.preventDefault(); around.current?.querySelector("button")?.focus(); } }}>
      <button type="button" aria-expanded={open} aria-label={name ? `${name}: you` : "You"} onClick={() => setOpen(!open)}
        className="flex size-7 items-center justify-center rounded-full bg-brand text-2xs font-semibold text-surface max-md:size-9">{initials(name)}</button>
      {open && (
        <div className="absolute top-9 right-0 z-40 w-60 rounded-sheet border border-border bg-surface p-1.5 shadow-pop max-md:top-11">
          <p className="truncate px-2.5 pt-1.5 font-[550] text-text">{name}</p>
          <p className="px-2.5 pb-2 text-xs text-text-3">{me.data ? `${me.data.role}, ${me.data.kind}` : "Loading"}</p>
          <div className="border-y border-border px-2.5 py-2"><ThemeChoice /></div>
          <div className="pt-1.5">
            <NavLink href="/settings/" onClick={() => setOpen(false)} className={ITEM}><Settings aria-hidden size={16} /> Settings</NavLink>
            <button type="button" onClick={() => { setOpen(false); openKeys(); }} className={ITEM}><KeyRound aria-hidden size={16} /> Keys of this page</button>
            <button type="button" onClick={() => void leave()} className={ITEM}><LogOut aria-hidden size={16} /> Sign out</button>
          </div>
        </div>
      )}
    </div>
  );
}

function initials(name: string): string {
  const words = name.split(/[\s._@-]+/).filter(Boolean);
  return ((words[0]?.[0] ?? "") + (words[1]?.[0] ?? words[0]?.[1] ?? "")).toUpperCase();
}
