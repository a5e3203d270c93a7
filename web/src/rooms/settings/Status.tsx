/** What the server depends on: what works, what does not and since when, and what works meanwhile. */
"use client";

import clsx from "clsx";

import type { DependencyShown } from "@/kit/api/schema";
import { useStatus } from "@/kit/api/status";
import { clockTime } from "@/kit/format/format";
import { Card } from "@/kit/ui/Card";


const WORDS: Record<DependencyShown["state"], string> = { up: "works", down: "away", unknown: "not asked yet", off: "not set" };

export function Status() {
  const { data, error } = useStatus();
  return (
    <Card title={<span id="status">Status</span>}>
      {error ? <p>The server does not answer; this page asks again by itself.</p> : (
        <ul aria-label="Dependencies" className="space-y-2">
          {data?.dependencies.map((each) => <Dependency key={each.name} dependency={each} />)}
        </ul>
      )}
    </Card>
  );
}

function Dependency({ dependency }: { dependency: DependencyShown }) {
  const { name, state, since, lost, meanwhile } = dependency;
  const how = policyOf(dependency);
  const down = state === "down";
  return (
    <li className="flex gap-2">
      <span aria-hidden className={clsx("mt-1.5 size-2 shrink-0 rounded-full", down ? "bg-attention" : state === "up" ? "bg-succeeded" : "bg-border")} />
      <span className="min-w-0">
        <strong className="font-medium">{name}</strong> <span className={down ? "text-attention" : "text-text-3"}>{WORDS[state]}{down && since ? ` since ${clockTime(since)}` : ""}</span>
        {how && <span className="block text-xs text-text-3">{how}</span>}
        {down && <span className="block">{lost}</span>}
        {(down || state === "off") && <span className="block text-text-3">Meanwhile: {meanwhile}</span>}
      </span>
    </li>
  );
}

/** How it is asked, in a few words; nothing where it is not asked. */
function policyOf({ policy, circuit, in_use }: DependencyShown): string {
  if (!policy) return "";
  const tries = policy.tries > 1 ? `, ${policy.tries} tries` : "";
  const now = in_use ? ` (${in_use} now)` : "";
  const alone = circuit === "closed" ? "" : `; left alone for a moment (${circuit})`;
  return `At most ${policy.timeout_s} s a call${tries}, ${policy.at_once} at once${now}${alone}`;
}
