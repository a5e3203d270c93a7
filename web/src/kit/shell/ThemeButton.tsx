/** Light, dark, or the system's. public/theme.js sets it before the first paint. */
"use client";

import { Moon, Sun } from "lucide-react";

import { IconButton } from "../ui/Button";

/** Turn light to dark and back, and remember it here. */
export function toggleTheme(): void {
  const root = document.documentElement;
  const next = root.dataset.theme === "dark" ? "light" : "dark";
  root.dataset.theme = next;
  localStorage.setItem("camel-ext.theme", next);
}

export function ThemeButton() {
  return (
    <>
      <IconButton icon={Moon} label="Dark theme" onClick={toggleTheme} className="dark:hidden" />
      <IconButton icon={Sun} label="Light theme" onClick={toggleTheme} className="hidden dark:inline-flex" />
    </>
  );
}
