/** One dataset: a version's pairs, what they are like, how versions differ, and what they rest on. */
"use client";

import { Database, Download, Dumbbell, Hammer } from "lucide-react";
import { useEffect, useState } from "react";

import { digits } from "@/kit/format/format";
import { href, useUrl } from "@/kit/url";
import { Button, LinkButton } from "@/kit/ui/Button";
import { PageHeader } from "@/kit/ui/Card";
import { StateChip } from "@/kit/ui/Chip";
import { SelectField } from "@/kit/ui/Field";
import { Fill } from "@/kit/ui/Fill";
import { EmptyState, ErrorBox, Skeleton } from "@/kit/ui/Moments";
import { TabLinks } from "@/kit/ui/TabLinks";

import { Lineage } from "./Lineage";
import { download, isUnderway, useCancelBuild, useVersionsOf, type Version } from "./queries";
import { Samples } from "./Samples";
import { Statistics } from "./Statistics";
import { Versions } from "./Versions";

const TABS = [["samples", "Pairs"], ["statistics", "Statistics"], ["versions", "Versions"], ["lineage", "Lineage"]] as const;

export function Dataset() {
  const { get, set } = useUrl();
  const name = get("name") ?? "";
  const versions = useVersionsOf(name);
  const all = versions.data?.pages.flatMap((page) => page.items) ?? [];
  const wanted = Number(get("version"));
  const version = wanted ? all.find((each) => each.number === wanted) : all.find((each) => each.state === "succeeded") ?? all[0];
  const older = Boolean(wanted) && !version && versions.hasNextPage && !versions.isFetching;
  const { fetchNextPage } = versions;
  useEffect(() => { if (older) void fetchNextPage(); }, [older, fetchNextPage]);
  const tab = TABS.find(([id]) => id === get("tab"))?.[0] ?? "samples";
  if (versions.error) return <div className="py-6"><ErrorBox error={versions.error} retry={() => void versions.refetch()} /></div>;
  if (name === "" || (versions.data && !version && !versions.hasNextPage && !versions.isFetching)) return <EmptyState icon={Database} title={name === "" ? "No dataset is named" : `There is no ${name}@${wanted || 1}`} action={<LinkButton href="/datasets/">All datasets</LinkButton>} />;
  if (!version) return <Skeleton rows={8} label="Loading the dataset" />;
  return (
    <Fill>
      <div className="shrink-0 px-6 max-md:px-3">
        <PageHeader title={name} state={version.state === "succeeded" ? undefined : <StateChip state={version.state} />} note={`${digits(version.pairs)} pairs, ${digits(version.pairs_train)} to learn from`}
          actions={<>
            <SelectField bare label="Version" value={String(version.number)} options={all.map((each) => ({ value: String(each.number), label: `@${each.number}${each.state === "succeeded" ? "" : ` (${each.state})`}` }))} onChange={(event) => set({ version: event.target.value })} />
            <Export version={version} />
            <LinkButton icon={Hammer} href={href("/datasets/build", { like: version.id, name })}>Build anew</LinkButton>
            <LinkButton kind="ink" icon={Dumbbell} href={href("/training", { dataset: `${name}@${version.number}` })}>Train</LinkButton>
          </>} />
        <TabLinks label="Parts of the dataset" current={tab} tabs={TABS.map(([id, word]) => ({ id, word, href: href("/datasets/dataset", { name, version: get("version"), tab: id === "samples" ? null : id }), note: id === "versions" ? all.length : undefined }))} />
      </div>
      <Warnings version={version} />
      {tab === "versions" ? <Scroll><Versions name={name} all={all} version={version} more={versions.hasNextPage ? () => void versions.fetchNextPage() : undefined} /></Scroll>
        : version.state !== "succeeded" ? <Scroll><NotFrozen version={version} /></Scroll>
        : tab === "statistics" ? <Scroll><Statistics version={version} /></Scroll>
        : tab === "lineage" ? <Scroll><Lineage key={version.id} version={version} /></Scroll>
        : <Samples key={version.id} version={version} />}
    </Fill>
  );
}

function Scroll({ children }: { children: React.ReactNode }) {
  return <div className="min-h-0 flex-1 space-y-4 overflow-y-auto px-6 py-4 max-md:px-3 max-md:pb-20">{children}</div>;
}

function Warnings({ version }: { version: Version }) {
  if (version.warnings.length === 0) return null;
  return <ul aria-label="Warnings" className="mx-6 mt-3 shrink-0 space-y-1 rounded-card bg-attention-soft px-4 py-2 text-attention max-md:mx-3">{version.warnings.map((warning) => <li key={warning.code}>{warning.words[0]?.toUpperCase()}{warning.words.slice(1)}</li>)}</ul>;
}

function NotFrozen({ version }: { version: Version }) {
  const cancel = useCancelBuild();
  if (isUnderway(version)) return (
    <div className="space-y-3">
      <p role="status" className="nums">Looked at <strong>{digits(version.done)}</strong>{version.total !== null && ` of ${digits(version.total)}`}.</p>
      <Button busy={cancel.isPending} onClick={() => cancel.mutate(version.id)}>Stop building</Button>
      {cancel.error && <ErrorBox error={cancel.error} />}
    </div>
  );
  return (
    <EmptyState icon={Database} title={version.state === "cancelled" ? "It was stopped" : "Nothing came of it"} action={<LinkButton kind="ink" icon={Hammer} href={href("/datasets/build", { like: version.id, name: version.dataset })}>Try other rules</LinkButton>}>
      {version.error_detail} {version.error_code && <span className="block font-mono text-xs">{version.error_code}</span>}
    </EmptyState>
  );
}

function Export({ version }: { version: Version }) {
  const [busy, setBusy] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);
  const take = (format: "jsonl" | "parquet") => {
    setBusy(format); setError(null);
    download(version, format).catch((wrong: unknown) => setError(wrong instanceof Error ? wrong.message : String(wrong))).finally(() => setBusy(null));
  };
  const off = version.state !== "succeeded";
  return (
    <>
      {error && <span role="alert" className="text-failed">{error}</span>}
      <Button icon={Download} busy={busy === "jsonl"} disabled={off} reason={off ? "It is not frozen" : undefined} onClick={() => take("jsonl")}>JSONL</Button>
      <Button icon={Download} busy={busy === "parquet"} disabled={off} reason={off ? "It is not frozen" : undefined} onClick={() => take("parquet")}>Parquet</Button>
    </>
  );
}
