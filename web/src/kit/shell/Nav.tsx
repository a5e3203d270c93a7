/** The navigation at the left: the loop in its four words. A rail below 1280 px. */
"use client";

import clsx from "clsx";
import { usePathname } from "next/navigation";

import { Mark } from "./Mark";
import { type Place, placeOf, PLACES } from "./map";
import { NavLink } from "./NavLink";

const GROUPS = ["", "Act", "Learn", "Prove", "Keep"] as const;

export function Nav() {
  const here = placeOf(usePathname());
  return (
    <nav aria-label="Main" className="flex w-52 shrink-0 flex-col gap-0.5 overflow-y-auto p-2 max-xl:w-[52px] max-md:hidden">
      <NavLink href="/" className="flex h-10 items-center gap-2.5 px-1.5 font-semibold text-text"><Mark /> <span className="max-xl:sr-only">CAMEL Extensions</span></NavLink>
      {GROUPS.map((group) => (
        <div key={group}>
          {group && <p className="px-2.5 pt-3 pb-1 text-xs text-text-3 max-xl:sr-only">{group}</p>}
          {PLACES.filter((place) => place.group === group).map((place) => <Item key={place.path} place={place} current={here === place} />)}
        </div>
      ))}
      <div className="mt-auto">{PLACES.filter((place) => place.group === "bottom").map((place) => <Item key={place.path} place={place} current={here === place} />)}</div>
    </nav>
  );
}

function Item({ place, current }: { place: Place; current: boolean }) {
  const Icon = place.icon;
  return (
    <NavLink href={place.path} title={place.label} aria-current={current ? "page" : undefined}
      className={clsx("flex h-8 items-center gap-2.5 rounded-control border px-2.5 font-[550]", current ? "border-border bg-surface text-text" : "border-transparent text-text-2 hover:bg-hover hover:text-text")}>
      <Icon aria-hidden size={16} strokeWidth={1.75} className="shrink-0" /> <span className="max-xl:sr-only">{place.label}</span>
    </NavLink>
  );
}
