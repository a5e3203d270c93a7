/** The datasets: what the model will learn from. */
"use client";

import { Database, FileUp, Hammer } from "lucide-react";
import Link from "next/link";
import { useRouter } from "next/navigation";
import { useEffect, useState } from "react";

import { ago, digits } from "@/kit/format/format";
import { useKeys } from "@/kit/keys/useKeys";
import { href, useUrl } from "@/kit/url";
import { Button, LinkButton } from "@/kit/ui/Button";
import { Card, PageHeader } from "@/kit/ui/Card";
import { StateChip } from "@/kit/ui/Chip";
import { EmptyState, ErrorBox, Skeleton } from "@/kit/ui/Moments";

import { ImportDialog } from "./ImportDialog";
import { useDatasets, usePreview, useVersion, useVersionsOf } from "./queries";

/** The list; an address that names a version by its id leads to that version. */
export function Datasets() {
  const id = useUrl().get("version");
  return id ? <ById id={id} /> : <All />;
}

function ById({ id }: { id: string }) {
  const router = useRouter();
  const version = useVersion(id);
  const found = version.data;
  useEffect(() => { if (found) router.replace(href("/datasets/dataset", { name: found.dataset, version: found.number })); }, [router, found]);
  return <><PageHeader title="Datasets" />{version.error ? <ErrorBox error={version.error} retry={() => void version.refetch()} /> : <Skeleton rows={8} label="Loading the version" />}</>;
}

function All() {
  const router = useRouter();
  const datasets = useDatasets();
  const [importing, setImporting] = useState(false);
  const rows = datasets.data?.pages.flatMap((page) => page.items) ?? [];
  useKeys("Datasets", [{ keys: "n", label: "Build a dataset", run: () => router.push("/datasets/build/") }]);
  return (
    <>
      <PageHeader title="Datasets" note="What will the model learn from?" actions={<><Button icon={FileUp} onClick={() => setImporting(true)}>Import</Button><LinkButton kind="ink" icon={Hammer} href="/datasets/build/">Build a dataset</LinkButton></>} />
      {datasets.error ? <ErrorBox error={datasets.error} retry={() => void datasets.refetch()} />
        : datasets.isLoading ? <Skeleton rows={4} label="Loading the datasets" />
        : rows.length === 0 ? <Nothing />
        : <Card flush><ul className="divide-y divide-border">{rows.map((dataset) => <Row key={dataset.id} name={dataset.name} versions={dataset.last_number} at={dataset.created_at} />)}</ul></Card>}
      {datasets.hasNextPage && <Button className="mt-3" busy={datasets.isFetchingNextPage} onClick={() => void datasets.fetchNextPage()}>Older datasets</Button>}
      {importing && <ImportDialog onClose={() => setImporting(false)} />}
    </>
  );
}

/** Nothing is built yet: what there is to build from. */
function Nothing() {
  const preview = usePreview({ name: "first", filter: {} } as never);
  const pairs = preview.data?.pairs ?? 0;
  return (
    <EmptyState icon={Database} title={pairs > 0 ? `What is judged so far would give ${digits(pairs)} pairs.` : "Nothing that is judged makes a pair yet."} command="camel-ext dataset build brief --tag train"
      action={pairs > 0 ? <LinkButton href="/datasets/build/">See which</LinkButton> : <LinkButton href="/annotations/">Judge answers</LinkButton>}>
      {pairs > 0 ? "Rules choose among them." : preview.data?.why_none ?? "A pair is one prompt, a better answer, a worse one."}
    </EmptyState>
  );
}

function Row({ name, versions, at }: { name: string; versions: number; at: string }) {
  const newest = useVersionsOf(name).data?.pages[0]?.items[0];
  return (
    <li>
      <Link href={href("/datasets/dataset", { name })} className="flex flex-wrap items-center gap-x-5 gap-y-1 px-4 py-3 hover:bg-hover">
        <span className="min-w-40 flex-1"><span className="block font-[550] text-text">{name}</span><span className="text-text-3">{versions} {versions === 1 ? "version" : "versions"}</span></span>
        {newest && <span className="nums w-48"><strong>{digits(newest.pairs)}</strong> pairs <span className="text-text-3">{digits(newest.pairs_train)} train, {digits(newest.pairs_eval)} held out</span></span>}
        {newest && newest.state !== "succeeded" && <StateChip state={newest.state} />}
        {newest && newest.warnings.length > 0 && <span className="text-attention">{newest.warnings.length} {newest.warnings.length === 1 ? "warning" : "warnings"}</span>}
        <span className="w-28 text-right text-text-3">{ago(newest?.created_at ?? at)}</span>
      </Link>
    </li>
  );
}
