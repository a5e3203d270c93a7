/** Put the look that is preferred on the page: theme, density. public/theme.js does it before the first paint. */
"use client";

import { useEffect } from "react";

import { prefer, type Prefs, usePref, usePrefsState } from "./prefs";

const DARK = "(prefers-color-scheme: dark)";

export function useLook(): void {
  const theme = usePref("theme"), density = usePref("density");
  useEffect(() => {
    const system = window.matchMedia(DARK);
    const put = () => { document.documentElement.dataset.theme = theme === "system" ? (system.matches ? "dark" : "light") : theme; };
    put();
    document.documentElement.dataset.density = density;
    system.addEventListener("change", put);
    return () => system.removeEventListener("change", put);
  }, [theme, density]);
}

const NEXT: Record<Prefs["theme"], Prefs["theme"]> = { system: "light", light: "dark", dark: "system" };

/** The next theme: the system's, light, dark. */
export function turnTheme(): void {
  prefer({ theme: NEXT[usePrefsState.getState().prefs.theme] });
}
