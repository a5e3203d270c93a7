/** What opens over every page: the palette and the sheet of keys. Their code comes when they are first asked for. */
"use client";

import dynamic from "next/dynamic";
import { create } from "zustand";

const Palette = dynamic(() => import("./Palette").then((module) => module.Palette), { ssr: false });
const KeySheet = dynamic(() => import("./KeySheet").then((module) => module.KeySheet), { ssr: false });

const useOpen = create<{ open: "palette" | "keys" | null }>(() => ({ open: null }));

export const openPalette = () => useOpen.setState({ open: "palette" });
export const openKeys = () => useOpen.setState({ open: "keys" });
const close = () => useOpen.setState({ open: null });

export function Overlays() {
  const open = useOpen((state) => state.open);
  if (open === "palette") return <Palette onClose={close} />;
  if (open === "keys") return <KeySheet onClose={close} />;
  return null;
}
