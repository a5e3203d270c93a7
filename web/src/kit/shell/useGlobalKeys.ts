/** The keys that do the same on every page. */
"use client";

import { usePathname, useRouter } from "next/navigation";

import { EVERYWHERE } from "../keys/registry";
import { useKeyboard, useKeys } from "../keys/useKeys";
import { usePref } from "../prefs/prefs";
import { turnTheme } from "../prefs/useLook";
import { undoLast } from "../ui/Toast";
import { PLACES } from "./map";
import { openKeys, openPalette } from "./overlays";
import { toggleRail } from "./rail";

export function useGlobalKeys(): void {
  const router = useRouter();
  const path = usePathname();
  useKeyboard(usePref("keys_enabled"), usePref("remapped_keys"));
  useKeys(EVERYWHERE, [
    { keys: "Mod+k", label: "Search or jump to", run: openPalette },
    { keys: "?", label: "Keys of this page", run: openKeys },
    { keys: "z", label: "Undo what was just said", run: () => void undoLast() },
    { keys: "[", label: "Navigation: wide or rail", run: () => toggleRail(path) },
    { keys: ".", label: "Theme: system, light, dark", run: turnTheme },
    ...PLACES.map(({ label, path, go }) => ({ keys: `g ${go}`, label: `Go to ${label}`, run: () => router.push(path) })),
  ]);
}
