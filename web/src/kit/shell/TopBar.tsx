/** Where you are, whether the feed lives, and the way to anything. */
"use client";

import { ChevronRight, Search } from "lucide-react";
import { usePathname } from "next/navigation";

import { Bell } from "./Bell";
import { LiveDot } from "./LiveDot";
import { placeOf } from "./map";
import { NavLink } from "./NavLink";
import { openPalette } from "./overlays";
import { StatusDot } from "./StatusDot";
import { UserMenu } from "./UserMenu";

const MAC = typeof navigator !== "undefined" && /Mac|iPhone|iPad/.test(navigator.userAgent);

/** "/workflows/run/" -> "Run": what stands under a place. */
function under(path: string, place: string): string | null {
  const rest = path.slice(place.length).split("/").filter(Boolean).join(" ");
  return place !== "/" && rest ? rest[0]!.toUpperCase() + rest.slice(1).replaceAll("-", " ") : null;
}

export function TopBar() {
  const path = usePathname();
  const place = placeOf(path);
  const below = place && under(path, place.path);
  return (
    <header className="flex h-11 shrink-0 items-center gap-3 border-b border-border pr-3 pl-6 max-md:h-12 max-md:px-3">
      <nav aria-label="Where you are" className="min-w-0">
        <ol className="flex items-center gap-1.5 font-[550] text-text">
          <li className="truncate">{below ? <NavLink href={place.path} className="font-normal text-text-2 hover:text-text">{place.label}</NavLink> : <span aria-current="page">{place?.label ?? "CAMEL Extensions"}</span>}</li>
          {below && <><ChevronRight aria-hidden size={14} className="shrink-0 text-text-3" /><li aria-current="page" className="truncate">{below}</li></>}
        </ol>
      </nav>
      <div className="ml-auto flex shrink-0 items-center gap-3">
        <StatusDot />
        <LiveDot />
        <button type="button" onClick={openPalette} aria-label="Search or jump to" className="flex h-7 w-52 items-center gap-2 rounded-control border border-border bg-sunken px-2.5 text-text-3 hover:text-text max-lg:w-8 max-lg:justify-center max-lg:px-0 max-md:size-9">
          <Search aria-hidden size={14} className="shrink-0" /> <span className="max-lg:hidden">Search or jump to</span>
          <kbd className="ml-auto rounded-key border border-border px-1 font-sans text-2xs max-lg:hidden">{MAC ? "⌘K" : "Ctrl K"}</kbd>
        </button>
        <Bell />
        <UserMenu />
      </div>
    </header>
  );
}
