/** Light, dark, or as the system has it. */
"use client";

import clsx from "clsx";
import { Monitor, Moon, Sun } from "lucide-react";

import { prefer, usePref } from "../prefs/prefs";

const THEMES = [{ value: "system", label: "System", icon: Monitor }, { value: "light", label: "Light", icon: Sun }, { value: "dark", label: "Dark", icon: Moon }] as const;

export function ThemeChoice() {
  const theme = usePref("theme");
  return (
    <div role="group" aria-label="Theme" className="flex rounded-control bg-sunken p-0.5">
      {THEMES.map(({ value, label, icon: Icon }) => (
        <button key={value} type="button" aria-pressed={theme === value} onClick={() => prefer({ theme: value })}
          className={clsx("flex h-7 flex-1 items-center justify-center gap-1.5 rounded-[5px] px-2 text-xs max-md:h-11", theme === value ? "border border-border bg-surface font-[550] text-text" : "text-text-2 hover:text-text")}>
          <Icon aria-hidden size={14} /> {label}
        </button>
      ))}
    </div>
  );
}
