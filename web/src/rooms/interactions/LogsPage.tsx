/** Logs: which of all turns matter? One filter, edited by hand, by facets and by the time line; a table; a panel. */
"use client";

import { ExternalLink, ScrollText } from "lucide-react";
import dynamic from "next/dynamic";
import { useMemo, useState } from "react";

import type { InteractionListed } from "@/kit/api/schema";
import { useVersions } from "@/kit/api/versions";
import { FilterBar } from "@/kit/filter/FilterBar";
import { useFilter } from "@/kit/filter/useFilter";
import { Views } from "@/kit/filter/Views";
import { clockTime } from "@/kit/format/format";
import { DataTable } from "@/kit/table/DataTable";
import { useKeptLayout } from "@/kit/table/kept";
import { NONE, type Selection } from "@/kit/table/selection";
import { Button, LinkButton } from "@/kit/ui/Button";
import { Copy } from "@/kit/ui/Copy";
import { Fill } from "@/kit/ui/Fill";
import { EmptyState, Skeleton } from "@/kit/ui/Moments";
import { SidePanel } from "@/kit/ui/SidePanel";
import { href, useUrl } from "@/kit/url";

import { turnColumns, turnCompact } from "./columns";
import { ExportMenu } from "./ExportMenu";
import { Facets } from "./Facets";
import { FACETS, FIELDS, toQuery } from "./fields";
import { Found } from "./Found";
import { useFacets, useTurns } from "./queries";

// What is not there before a press comes with it.
const BulkBar = dynamic(() => import("./BulkBar").then((module) => module.BulkBar), { ssr: false });
const Turn = dynamic(() => import("./Turn").then((module) => module.Turn), { ssr: false, loading: () => <Skeleton rows={6} /> });

const NO_VIEW = ["turn", "tab"];
const rowId = (turn: InteractionListed) => turn.id;
const rowLabel = (turn: InteractionListed) => `${clockTime(turn.created_at)} ${turn.prompt_preview}`.slice(0, 120);

export function LogsPage() {
  const { get, set } = useUrl();
  const { source, params, lists, error: mistake, write } = useFilter(FIELDS);
  const { nameOf, idOf } = useVersions();
  const filter = useMemo(() => (mistake ? {} : toQuery(params, lists, idOf)), [params, lists, mistake, idOf]);
  const turns = useTurns(filter);
  const facets = useFacets(filter, !turns.isPending).data;
  const [selection, setSelection] = useState<Selection>(NONE);
  const kept = useKeptLayout("logs");
  const open = get("turn");
  const mark = params.text;
  const columns = useMemo(() => turnColumns(nameOf, mark), [nameOf, mark]);
  const compact = useMemo(() => turnCompact(nameOf, mark), [nameOf, mark]);
  const values = useMemo(() => facets && Object.fromEntries(FACETS.map(({ facet, filter: name }) => [name, facets[facet].flatMap((each) => (each.value === null ? [] : [{ value: nameOf(each.value) ?? each.value, count: each.count }]))])), [facets, nameOf]);
  const show = (turn: InteractionListed) => set({ turn: turn.id }, open ? "replace" : "push");
  return (
    <Fill>
      <h1 className="sr-only">Logs</h1>
      <div className="flex items-start gap-2 px-6 pt-4 max-md:px-3 max-md:pt-2">
        <FilterBar label="Filter of turns" source={source} onChange={write} fields={FIELDS} values={values} placeholder="Words, or agent:executor latency_ms>800" />
        <Views path="/interactions" without={NO_VIEW} />
        <ExportMenu ids={[]} filter={filter} quiet />
      </div>
      <Found filter={filter} params={params} tookMs={turns.took_ms} ready={!turns.isPending} source={source} write={write} />
      <div className="relative flex min-h-0 flex-1 border-t border-border">
        <div className={`w-52 shrink-0 overflow-y-auto border-r border-border max-lg:hidden ${open ? "max-2xl:hidden" : ""}`}>{facets && <Facets facets={facets} source={source} write={write} nameOf={nameOf} />}</div>
        <div className="relative min-w-0 flex-1">
          <DataTable label="Turns" columns={columns} rows={turns.rows} rowId={rowId} rowLabel={rowLabel} compact={compact} href={(turn) => href("/interactions/turn", { id: turn.id })} onOpen={show} current={open}
            kept={kept} selection={selection} onSelect={setSelection} loading={turns.isPending} error={turns.error} retry={() => void turns.refetch()}
            older={{ more: turns.hasNextPage && !turns.tired, loading: turns.isFetchingNextPage, load: () => void turns.fetchNextPage() }}
            empty={turns.tired ? null : <Nothing filtered={source !== ""} clear={() => write("")} />}
            end={turns.rows.length > 0 && !turns.hasNextPage ? "These are all." : null} />
          {turns.tired && <div className="absolute inset-x-0 bottom-4 flex justify-center"><Button className="shadow-pop" busy={turns.isFetchingNextPage} onClick={() => void turns.fetchNextPage()}>Looked back to {clockTime(turns.searchedUntil)}. Look further</Button></div>}
          {selection.ids.size > 0 && <BulkBar ids={[...selection.ids]} filter={filter} onClear={() => setSelection(NONE)} />}
        </div>
        {open && (
          <SidePanel title={<span className="font-[550] text-text">Turn</span>} onClose={() => set({ turn: null, tab: null })} actions={<LinkButton kind="quiet" icon={ExternalLink} href={href("/interactions/turn", { id: open })}>Open</LinkButton>}>
            <Turn key={open} id={open} tab={get("tab") ?? "said"} onTab={(tab) => set({ tab: tab === "said" ? null : tab })} />
          </SidePanel>
        )}
      </div>
    </Fill>
  );
}

function Nothing({ filtered, clear }: { filtered: boolean; clear: () => void }) {
  if (filtered) return <EmptyState icon={ScrollText} title="No turns match" action={<Button kind="ink" onClick={clear}>Clear the filter</Button>}>The filter above leaves nothing over.</EmptyState>;
  return (
    <EmptyState icon={ScrollText} title="No turns yet" action={<Copy text={`${window.location.origin}/v1`} className="rounded-control border border-border px-3 py-1.5 font-[550] text-text">Copy the address</Copy>} command="camel-ext run solve --input goal=&quot;Name three rivers of Europe.&quot;">
      Any OpenAI client can write here: point it at this server’s address.
    </EmptyState>
  );
}
