/** The bar at the bottom of a phone: four places and the rest. */
"use client";

import clsx from "clsx";
import { Ellipsis } from "lucide-react";
import { usePathname } from "next/navigation";
import { useState } from "react";

import { placeOf, PLACES } from "./map";
import { NavLink } from "./NavLink";

const FIRST = ["/", "/workflows/", "/annotations/", "/interactions/"];
const ITEM = "flex h-14 flex-1 flex-col items-center justify-center gap-0.5 text-xs";

export function BottomBar() {
  const here = placeOf(usePathname());
  const [open, setOpen] = useState(false);
  return (
    <nav aria-label="Main, on a phone" className="fixed inset-x-0 bottom-0 z-30 border-t border-border bg-surface md:hidden">
      {open && (
        <div className="grid grid-cols-2 border-b border-border p-2">
          {PLACES.filter((place) => !FIRST.includes(place.path)).map(({ path, label, icon: Icon }) => (
            <NavLink key={path} href={path} onClick={() => setOpen(false)} className="flex h-11 items-center gap-2.5 rounded-control px-3 text-text"><Icon aria-hidden size={20} /> {label}</NavLink>
          ))}
        </div>
      )}
      <div className="flex">
        {FIRST.map((path) => PLACES.find((place) => place.path === path)!).map((place) => (
          <NavLink key={place.path} href={place.path} aria-current={here === place ? "page" : undefined} onClick={() => setOpen(false)}
            className={clsx(ITEM, here === place ? "text-accent" : "text-text-2")}><place.icon aria-hidden size={20} /> {place.label}</NavLink>
        ))}
        <button type="button" aria-expanded={open} onClick={() => setOpen(!open)} className={clsx(ITEM, "text-text-2")}><Ellipsis aria-hidden size={20} /> More</button>
      </div>
    </nav>
  );
}
