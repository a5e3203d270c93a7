/** Every move of an alias, newest first: from where to where, when, by whom, why. */
"use client";

import { ArrowRight } from "lucide-react";

import type { MoveShown } from "@/kit/api/schema";
import { useVersions } from "@/kit/api/versions";
import { clockTime, percent, shortId } from "@/kit/format/format";
import { Untrusted } from "@/kit/text/Untrusted";
import { ErrorBox, Skeleton } from "@/kit/ui/Moments";

import { shares, useMoves, usePrincipals } from "./queries";

export function AliasPanel({ name }: { name: string }) {
  const { data, error, refetch } = useMoves(name);
  const { nameOf } = useVersions();
  const whoIs = usePrincipals();
  if (error) return <div className="p-4"><ErrorBox error={error} retry={() => void refetch()} /></div>;
  if (!data) return <Skeleton />;
  const said = (targets: MoveShown["to_targets"]) => (targets.length === 0 ? "nothing" : shares(targets).map(({ versionId, ratio }) => `${nameOf(versionId) ?? shortId(versionId)}${ratio < 1 ? ` ${percent(ratio)}` : ""}`).join(", "));
  return (
    <div className="p-4">
      <h3>Its moves</h3>
      <ol className="mt-2 divide-y divide-border">
        {data.items.map((move) => (
          <li key={move.id} className="py-2.5">
            <p className="flex flex-wrap items-center gap-1.5 text-text"><span>{said(move.from_targets)}</span><ArrowRight role="img" aria-label="to" size={14} className="text-text-3" /><strong>{said(move.to_targets)}</strong></p>
            <Untrusted text={move.reason || "No reason was given."} />
            <p className="nums mt-0.5 text-xs text-text-3">{clockTime(move.created_at)}, by {whoIs(move.principal_id) ?? shortId(move.principal_id)}, revision {move.revision}</p>
          </li>
        ))}
      </ol>
    </div>
  );
}
