/** The names that are asked for, and who answers to them: shares of the traffic, since when, by which word. */
"use client";

import { Undo2 } from "lucide-react";
import { useState } from "react";

import type { AliasShown } from "@/kit/api/schema";
import { useVersions } from "@/kit/api/versions";
import { ago, clockTime, percent, shortId } from "@/kit/format/format";
import { Untrusted } from "@/kit/text/Untrusted";
import { Button } from "@/kit/ui/Button";
import { Card } from "@/kit/ui/Card";

import { shares, useDecisions } from "./queries";
import { RollBackDialog } from "./RollBackDialog";

type Open = (what: { version?: string; alias?: string }) => void;
const SHADES = ["bg-cat-1", "bg-cat-2", "bg-cat-3", "bg-cat-4", "bg-cat-5", "bg-cat-6"];

export function Aliases({ aliases, open, current }: { aliases: AliasShown[]; open: Open; current: string | null }) {
  const { nameOf } = useVersions();
  const decisions = useDecisions().data?.items ?? [];
  const [back, setBack] = useState<AliasShown | null>(null);
  return (
    <Card title="Aliases" note="What agents and clients ask for" flush>
      <ul className="divide-y divide-border">
        {aliases.map((alias) => {
          const decision = decisions.find((each) => each.alias === alias.name);
          const parts = shares(alias.targets);
          return (
            <li key={alias.id} className={`flex flex-wrap items-center gap-x-6 gap-y-1.5 px-4 py-2.5 ${current === alias.name ? "bg-accent-soft" : ""}`}>
              <button type="button" onClick={() => open({ alias: alias.name })} className="w-28 min-w-0 shrink-0 truncate text-left font-[550] text-text hover:underline">{alias.name}</button>
              <div className="w-64 min-w-0 max-md:w-full">
                {parts.length > 1 && <div aria-hidden className="mb-1 flex h-1.5 overflow-hidden rounded-full">{parts.map((part, at) => <span key={part.versionId} className={SHADES[at % SHADES.length]} style={{ width: `${part.ratio * 100}%` }} />)}</div>}
                <ul>{parts.map((part) => <li key={part.versionId} className="flex gap-2"><button type="button" onClick={() => open({ version: part.versionId })} className="min-h-6 min-w-0 truncate text-accent hover:underline">{nameOf(part.versionId) ?? shortId(part.versionId)}</button><span className="nums ml-auto text-text-3">{percent(part.ratio)}</span></li>)}</ul>
              </div>
              <p className="min-w-60 flex-1 max-md:basis-full"><span title={clockTime(alias.updated_at)}>since {ago(alias.updated_at)}</span>{decision && <span className="text-text-3">, {decision.kind}: <Untrusted inline text={decision.reason || "no reason given"} /></span>}</p>
              {decision?.kind === "promotion" && <Button kind="danger" icon={Undo2} onClick={() => setBack(alias)}>Roll back</Button>}
            </li>
          );
        })}
      </ul>
      {back && <RollBackDialog alias={back} decision={decisions.find((each) => each.alias === back.name)!} onClose={() => setBack(null)} />}
    </Card>
  );
}
