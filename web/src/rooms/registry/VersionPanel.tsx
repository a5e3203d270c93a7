/** One version: where it came from down to who judged, its card, files and hashes. */
"use client";

import { Tabs } from "radix-ui";
import { useState } from "react";

import { useVersions } from "@/kit/api/versions";
import { clockTime, cost, shortId } from "@/kit/format/format";
import { Untrusted } from "@/kit/text/Untrusted";
import { Copy } from "@/kit/ui/Copy";
import { EmptyState, ErrorBox, Skeleton } from "@/kit/ui/Moments";
import { SearchX } from "lucide-react";

import { Lineage } from "./Lineage";
import { usePrincipals, useTrainingOf } from "./queries";

const TABS = [["lineage", "Where it came from"], ["card", "Model card"], ["files", "Files and hashes"]] as const;

export function VersionPanel({ id }: { id: string }) {
  const { named, isPending } = useVersions();
  const found = named(id);
  const isAdapter = found?.model.kind === "adapter";
  const training = useTrainingOf(id, isAdapter);
  const whoIs = usePrincipals();
  const [tab, setTab] = useState<string>("lineage");
  if (isPending) return <Skeleton />;
  if (!found) return <EmptyState icon={SearchX} title="Not here, or not yours">No version of this project has this id.</EmptyState>;
  const { version, model } = found;
  return (
    <Tabs.Root value={tab} onValueChange={setTab}>
      <div className="px-4 pt-3"><Untrusted text={model.description || "Nothing is said of it."} className="text-text" /><p className="nums mt-1 text-xs text-text-3">{clockTime(version.created_at)}, by {whoIs(version.principal_id) ?? shortId(version.principal_id)}; engine {version.engine}</p></div>
      <Tabs.List aria-label="Parts of the version" className="mt-2 flex gap-4 border-b border-border px-4">
        {TABS.map(([value, label]) => <Tabs.Trigger key={value} value={value} className={`h-9 border-b-2 text-sm font-[550] max-md:h-11 ${tab === value ? "border-accent text-text" : "border-transparent text-text-3 hover:text-text"}`}>{label}</Tabs.Trigger>)}
      </Tabs.List>
      <Tabs.Content value="lineage" className="p-4"><Lineage found={found} training={training.data} error={training.error} loading={isAdapter && training.isPending} /></Tabs.Content>
      <Tabs.Content value="card" className="p-4">{training.error ? <ErrorBox error={training.error} /> : training.data?.card ? <><Copy text={training.data.card} className="mb-2 text-text-3">Copy the card</Copy><Untrusted text={training.data.card} className="font-mono text-xs text-text" /></> : <p>{isAdapter ? "It has no card: it was not trained here." : "Cards are written by trainings; this is a base model."}</p>}</Tabs.Content>
      <Tabs.Content value="files" className="space-y-4 p-4">
        <Hash name="Content of this version" hash={version.content_hash} />
        {Object.entries((training.data?.result?.files ?? {}) as Record<string, { size_bytes: number; sha256: string }>).map(([name, file]) => <Hash key={name} name={`${name}, ${(file.size_bytes / 1e6).toFixed(1)} MB`} hash={`sha256:${file.sha256}`} />)}
        <section><h3>Entry as it was written</h3><Untrusted text={version.source} className="mt-1 rounded-card bg-sunken p-3 font-mono text-xs text-text" /></section>
        <p className="text-text-3">Price of 1 M tokens: {cost(version.prompt_usd_micros_per_m)} in, {cost(version.completion_usd_micros_per_m)} out.</p>
      </Tabs.Content>
    </Tabs.Root>
  );
}

function Hash({ name, hash }: { name: string; hash: string }) {
  return <section><h3>{name}</h3><Copy text={hash} label="Copy the hash" className="font-mono text-xs"><span className="block truncate">{hash}</span></Copy></section>;
}
