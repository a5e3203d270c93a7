/** Every hyper-parameter: what it does, what the preset says, what it may be, its paper. Only what differs is sent. */
"use client";

import { useState } from "react";

import { Tag } from "@/kit/ui/Chip";
import type { HyperShown } from "@/kit/api/schema";

import { valueText } from "./Config";
import { read } from "./hyper";

export function HyperFields({ hyper, preset, changes, onChange }: { hyper: readonly HyperShown[]; preset: Record<string, unknown>; changes: Record<string, unknown>; onChange: (changes: Record<string, unknown>) => void }) {
  const [typed, setTyped] = useState<Record<string, string>>({});
  const many = Object.keys(changes).length;
  function change(name: string, text: string) {
    setTyped({ ...typed, [name]: text });
    const next = { ...changes };
    if (text.trim() === "") delete next[name];
    else next[name] = read(text, preset[name]);
    onChange(next);
  }
  return (
    <details>
      <summary className="cursor-pointer font-[550] text-text">Every number{many > 0 && <> <Tag>{many} changed</Tag></>}</summary>
      <ul className="mt-2 rounded-card border border-border">
        {hyper.filter((each) => each.name !== "seed").map((each) => (
          <li key={each.name} className="grid gap-x-4 gap-y-1 border-t border-border px-3 py-2 first:border-0 md:grid-cols-[10rem_9rem_1fr]">
            <label htmlFor={`hyper-${each.name}`} className="font-mono text-xs leading-8 text-text">{each.name}</label>
            <input id={`hyper-${each.name}`} aria-describedby={`hyper-${each.name}-about`} value={name(changes, each.name) ? typed[each.name] ?? "" : ""} placeholder={valueText(preset[each.name] ?? each.default)} onChange={(event) => change(each.name, event.target.value)}
              className="nums h-8 w-full rounded-control border border-border-strong bg-surface px-2 text-sm text-text max-md:h-11" />
            <p id={`hyper-${each.name}-about`} className="text-xs text-text-3"><span className="text-text-2">{each.meaning}</span> {each.range}{each.unit && `, in ${each.unit}`}; default {valueText(each.default)}. <span className="italic">{each.source}</span></p>
          </li>
        ))}
      </ul>
    </details>
  );
}

const name = (changes: Record<string, unknown>, key: string) => key in changes;
