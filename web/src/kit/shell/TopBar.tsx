/** Where you are, whether the feed lives, and the way to anything. */
"use client";

import { usePathname } from "next/navigation";

import { LiveDot } from "./LiveDot";
import { placeOf } from "./map";
import { ThemeButton } from "./ThemeButton";

export function TopBar() {
  const place = placeOf(usePathname());
  return (
    <header className="flex h-11 shrink-0 items-center gap-3 border-b border-border px-6 max-md:px-3">
      <span className="font-[550] text-text">{place?.label ?? "CAMEL Extensions"}</span>
      <div className="ml-auto flex items-center gap-3"><LiveDot /><ThemeButton /></div>
    </header>
  );
}
