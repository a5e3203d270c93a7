/** Models and adapters with all their versions, newest first. */
"use client";

import { Box, Layers } from "lucide-react";

import type { AliasShown } from "@/kit/api/schema";
import { useVersions } from "@/kit/api/versions";
import { clockTime } from "@/kit/format/format";
import { Untrusted } from "@/kit/text/Untrusted";
import { Card } from "@/kit/ui/Card";
import { Tag } from "@/kit/ui/Chip";

export function Models({ aliases, open, current }: { aliases: AliasShown[]; open: (what: { version: string }) => void; current: string | null }) {
  const { all } = useVersions();
  return (
    <Card title="Models and adapters" note="A version never changes" flush>
      <ul className="divide-y divide-border">
        {all.map(({ id, name, model, version }) => {
          const Icon = model.kind === "adapter" ? Layers : Box;
          const asked = aliases.filter((alias) => alias.targets.some((target) => target.version_id === id));
          return (
            <li key={id} className={`relative flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-2.5 hover:bg-hover ${current === id ? "bg-accent-soft" : ""}`}>
              <Icon role="img" aria-label={model.kind === "adapter" ? "Adapter" : "Model"} size={16} strokeWidth={1.75} className="shrink-0 text-text-3" />
              <button type="button" onClick={() => open({ version: id })} className="font-[550] text-text after:absolute after:inset-0">{name}</button>
              <span className="min-w-40 flex-1 truncate max-md:basis-full"><Untrusted inline text={model.description || "Nothing is said of it."} /></span>
              {asked.map((alias) => <Tag key={alias.id} title="Answers for this alias">{alias.name}</Tag>)}
              <span className="text-text-3">{version.engine}</span>
              <time className="nums text-text-3" dateTime={version.created_at}>{clockTime(version.created_at)}</time>
            </li>
          );
        })}
      </ul>
    </Card>
  );
}
