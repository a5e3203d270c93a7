/** Beside the editor: the workflow as a graph while it is written, what the files would change, and how they came to be. */
"use client";

import { CircleCheck, OctagonX, RotateCcw, TriangleAlert } from "lucide-react";
import dynamic from "next/dynamic";
import { useMemo } from "react";

import type { ProblemShown, RunShown } from "@/kit/api/schema";
import { ago } from "@/kit/format/format";
import { Untrusted } from "@/kit/text/Untrusted";
import { Button } from "@/kit/ui/Button";
import { Dialog } from "@/kit/ui/Dialog";
import { EmptyState, ErrorBox, Skeleton } from "@/kit/ui/Moments";
import { say } from "@/kit/ui/Toast";

import { aggregated } from "../run/graph";
import { planOf } from "../run/plan";
import { Both } from "../run/TurnDiff";
import { type Checked, FILES, type Files, useRestore, useRevision, useRevisions } from "./queries";

const Canvas = dynamic(() => import("../run/GraphCanvas"), { ssr: false, loading: () => null });
const UNSTARTED = { state: "queued" } as RunShown;
const NO_COLOURS = new Map<string, number>();

export function WorkflowGraph({ content, place, onPlace }: { content: Record<string, unknown> | undefined; place: string | null; onPlace: (place: string) => void }) {
  const model = useMemo(() => {
    const made = aggregated(UNSTARTED, [], planOf(content));
    return { ...made, nodes: made.nodes.map((node) => ({ ...node, rowKey: node.kind === "goal" || node.kind === "done" ? null : node.id })) };
  }, [content]);
  if (model.nodes.length <= 2) return <p className="p-4 text-text-3">The graph appears with the first step.</p>;
  return <Canvas model={model} selected={place} colours={NO_COLOURS} follow={false} onSelect={onPlace} onTouch={() => undefined} />;
}

export function CheckLine({ checked, checking, onProblem }: { checked: Checked | undefined; checking: boolean; onProblem: (problem: ProblemShown) => void }) {
  if (!checked) return <Skeleton rows={1} label="Checking" />;
  if (checked.error) return <ErrorBox error={checked.error} />;
  const changes = checked.applied?.changes.filter((each) => each.change !== "unchanged") ?? [];
  return (
    <div role="status" aria-live="polite" className={checking ? "opacity-60" : undefined}>
      {checked.applied && <p className="flex items-center gap-1.5 text-succeeded"><CircleCheck aria-hidden size={16} className="shrink-0" /> Valid. {changes.length === 0 ? "It changes nothing." : changes.slice(0, 6).map((each) => `${each.kind} ${each.name} ${each.change}`).join(", ") + (changes.length > 6 ? ` and ${changes.length - 6} more` : "") + "."}</p>}
      {checked.problems.length > 0 && (
        <ul className="max-h-40 overflow-y-auto">
          {checked.problems.map((each, at) => {
            const Icon = each.severity === "error" ? OctagonX : TriangleAlert;
            return (
              <li key={at}><button type="button" onClick={() => onProblem(each)} className="flex w-full items-start gap-1.5 rounded-key px-1 py-0.5 text-left hover:bg-hover">
                <Icon aria-hidden size={14} className={each.severity === "error" ? "mt-1 shrink-0 text-failed" : "mt-1 shrink-0 text-attention"} />
                <span><span className="nums font-mono text-xs text-text-3">{each.file}:{each.line}:{each.column}</span> <Untrusted inline text={`${each.message} ${each.fix}`} className="text-text" /></span>
              </button></li>
            );
          })}
        </ul>
      )}
    </div>
  );
}

export function Versions({ name, current, onOpen }: { name: string; current: number; onOpen: (revision: number) => void }) {
  const { data, error, refetch } = useRevisions(name);
  if (error) return <ErrorBox error={error} retry={() => void refetch()} />;
  if (!data) return <Skeleton rows={3} />;
  return (
    <ol className="divide-y divide-border">
      {data.items.map((each) => (
        <li key={each.revision}><button type="button" onClick={() => onOpen(each.revision)} disabled={each.revision === current} className="flex w-full items-baseline gap-2 px-4 py-2 text-left enabled:hover:bg-hover">
          <span className="nums font-[550] text-text">v{each.revision}</span>{each.revision === current && <span className="text-succeeded">now</span>}
          <span className="min-w-0 flex-1 truncate text-text-3">{each.changed.join(", ") || "as before"}</span><span className="text-xs text-text-3">{ago(each.created_at)}</span>
        </button></li>
      ))}
    </ol>
  );
}

export function VersionDialog({ name, revision, current, now, onClose }: { name: string; revision: number; current: number; now: Files; onClose: () => void }) {
  const { data, error } = useRevision(name, revision);
  const restore = useRestore(name);
  const back = () => restore.mutate({ revision, current }, { onSuccess: (applied) => { say(`${name} says again what v${revision} said, as v${applied.revision}`); onClose(); } });
  return (
    <Dialog open wide onClose={onClose} title={`Make ${name} say again what v${revision} said?`}
      actions={<><Button onClick={onClose}>Leave it</Button><Button kind="ink" icon={RotateCcw} busy={restore.isPending} disabled={!data} onClick={back}>Restore v{revision}</Button></>}>
      {error || restore.error ? <ErrorBox error={error ?? restore.error} /> : null}
      {data ? <FilesDiff before={data.files} after={now} names={[`v${revision}`, `v${current}, now`]} /> : <Skeleton />}
    </Dialog>
  );
}

export function FilesDiff({ before, after, names }: { before: Files; after: Files; names: [string, string] }) {
  const differing = FILES.filter((file) => (before[file] ?? "") !== (after[file] ?? ""));
  if (differing.length === 0) return <EmptyState icon={CircleCheck} title="The same, word for word" />;
  return <div className="space-y-4 font-mono text-xs">{differing.map((file) => <section key={file}><h3 className="mb-1.5">{file}</h3><Both before={before[file] ?? ""} after={after[file] ?? ""} names={names} /></section>)}</div>;
}
