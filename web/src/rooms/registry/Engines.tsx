/** How the engines are that answer now. */
"use client";

import { CircleCheck, CircleDashed, OctagonX } from "lucide-react";

import { shortId } from "@/kit/format/format";
import { Untrusted } from "@/kit/text/Untrusted";
import { Card } from "@/kit/ui/Card";
import { Chip, Tag } from "@/kit/ui/Chip";
import { Copy } from "@/kit/ui/Copy";
import { ErrorBox, Skeleton } from "@/kit/ui/Moments";

import { useEngines } from "./queries";

function Health({ ok }: { ok: boolean | null }) {
  if (ok === null) return <Chip tone="queued" icon={CircleDashed}>Not opened</Chip>;
  return ok ? <Chip tone="succeeded" icon={CircleCheck}>Answers</Chip> : <Chip tone="failed" icon={OctagonX}>Does not answer</Chip>;
}

export function Engines() {
  const { data, error, refetch } = useEngines();
  return (
    <Card title="Engines" note="Opened with their first call" flush>
      {error ? <div className="p-4"><ErrorBox error={error} retry={() => void refetch()} /></div> : !data ? <Skeleton rows={2} /> : data.engines.length === 0 ? <p className="px-4 py-3">No engine answers for an alias yet.</p> : (
        <ul className="divide-y divide-border">
          {data.engines.map((engine) => (
            <li key={engine.name} className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-2.5">
              <Health ok={engine.ok} />
              <span className="font-[550] text-text">{engine.name}</span>
              <span className="text-text-3">{engine.kind === "local" ? "on this server" : "a provider"}</span>
              <span className="min-w-0 flex-1 max-md:basis-full"><Untrusted inline text={engine.detail} /></span>
              {engine.aliases.map((alias) => <Tag key={alias}>{alias}</Tag>)}
              {engine.quantization && <Tag title="How its weights are packed">{engine.quantization}</Tag>}
              {engine.build && <span className="text-xs text-text-3">{engine.build}</span>}
              {engine.model_sha256 && <Copy text={engine.model_sha256} label="Copy the hash of the file" className="font-mono text-xs text-text-3">{shortId(engine.model_sha256)}</Copy>}
              {engine.restarts > 0 && <span className="nums text-attention">{engine.restarts} restarts</span>}
              {engine.circuit && <span className="text-text-3">breaker {engine.circuit}</span>}
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
