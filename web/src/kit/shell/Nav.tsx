/** The navigation at the left: the loop in its four words, with what goes on. A rail below 1280 px, or as somebody likes it. */
"use client";

import clsx from "clsx";
import { CircleHelp } from "lucide-react";
import { usePathname } from "next/navigation";
import { useLayoutEffect } from "react";

import { type Overview, toJudge, useOverview } from "../api/overview";
import { count } from "../format/format";
import { Mark } from "./Mark";
import { type Place, placeOf, PLACES } from "./map";
import { NavLink } from "./NavLink";
import { openKeys } from "./overlays";
import { showRail } from "./rail";

const GROUPS = ["", "Act", "Learn", "Prove", "Keep"] as const;
const ITEM = "relative flex h-8 w-full items-center gap-2.5 rounded-control border px-2.5 font-[550]";
const QUIET = "border-transparent text-text-2 hover:bg-hover hover:text-text";

/** What stands beside a place: how many go on (grey), or wait for a person (accent). */
const COUNTS: Record<string, (now: Overview) => { value: number; says: string; mine: boolean }> = {
  "/workflows/": ({ under_way }) => ({ value: under_way.runs.length, says: "go on", mine: false }),
  "/annotations/": (now) => ({ value: toJudge(now), says: "to judge", mine: true }),
  "/training/": ({ under_way }) => ({ value: under_way.trainings.length, says: "go on", mine: false }),
  "/experiments/": ({ waiting }) => ({ value: waiting.improvements.length, says: "wait for a decision", mine: true }),
};

export function Nav() {
  const path = usePathname();
  const here = placeOf(path);
  const { data } = useOverview();
  useLayoutEffect(() => showRail(path), [path]);
  const items = (group: Place["group"]) => PLACES.filter((place) => place.group === group).map((place) => <Item key={place.path} place={place} current={here === place} now={data} />);
  return (
    <nav aria-label="Main" className="flex w-52 shrink-0 flex-col gap-0.5 overflow-y-auto p-2 rail:w-[52px] max-md:hidden">
      <NavLink href="/" className="flex h-10 items-center gap-2.5 px-1.5 font-semibold whitespace-nowrap text-text"><Mark /> <span className="rail:sr-only">CAMEL Extensions</span></NavLink>
      {GROUPS.map((group) => (
        <div key={group}>
          {group && <p className="px-2.5 pt-3 pb-1 text-xs text-text-3 rail:sr-only">{group}</p>}
          {items(group)}
        </div>
      ))}
      <div className="mt-auto">
        {items("bottom")}
        <button type="button" title="Keys (?)" onClick={openKeys} className={clsx(ITEM, QUIET)}>
          <CircleHelp aria-hidden size={16} strokeWidth={1.75} className="shrink-0" /> <span className="rail:sr-only">Help and keys</span>
        </button>
      </div>
    </nav>
  );
}

function Item({ place, current, now }: { place: Place; current: boolean; now: Overview | undefined }) {
  const Icon = place.icon;
  const counted = now && COUNTS[place.path]?.(now);
  return (
    <NavLink href={place.path} title={place.label} aria-current={current ? "page" : undefined} className={clsx(ITEM, current ? "border-border bg-surface text-text" : QUIET)}>
      <Icon aria-hidden size={16} strokeWidth={1.75} className="shrink-0" /> <span className="rail:sr-only">{place.label}</span>
      {counted && counted.value > 0 && (
        <span className={clsx("nums ml-auto rounded-full px-1.5 text-xs rail:absolute rail:-top-1 rail:-right-1.5 rail:px-1 rail:text-2xs", counted.mine ? "bg-accent-soft text-accent" : "bg-sunken text-text-2")}>
          {count(counted.value)}<span className="sr-only"> {counted.says}</span>
        </span>
      )}
    </NavLink>
  );
}
