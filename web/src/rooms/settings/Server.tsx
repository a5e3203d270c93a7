/** Which server this is, and whether it is well. */
"use client";

import { CircleCheck, ExternalLink, OctagonX } from "lucide-react";

import { useLiveState } from "@/kit/live/live";
import { Card } from "@/kit/ui/Card";
import { Chip } from "@/kit/ui/Chip";
import { Copy } from "@/kit/ui/Copy";

import { useHealth } from "./queries";

const FEED: Record<string, string> = { live: "live", connecting: "connecting", lost: "cut; it is tried again", back: "live again", "catching up": "catching up", refused: "refused", off: "off" };

export function Server() {
  const { data, error, isPending } = useHealth();
  const live = useLiveState();
  const address = typeof location === "undefined" ? "" : `${location.origin}/v1`;
  return (
    <Card title="Server" actions={!isPending && (error ? <Chip tone="failed" icon={OctagonX}>No answer</Chip> : <Chip tone="succeeded" icon={CircleCheck}>{data?.status === "ok" ? "Well" : data?.status}</Chip>)}>
      <dl className="space-y-1.5">
        <Fact name="Version"><span className="nums">{data?.version ?? "–"}</span></Fact>
        <Fact name="Live feed">{FEED[live.name]}</Fact>
        <Fact name="For OpenAI clients"><Copy text={address} className="font-mono text-xs">{address}</Copy></Fact>
        <Fact name="API"><a href="/docs" className="inline-flex min-h-6 items-center gap-1 text-accent hover:underline">every route <ExternalLink aria-hidden size={14} /></a></Fact>
      </dl>
    </Card>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return <div className="flex min-h-6 items-center justify-between gap-3"><dt className="text-text-3">{name}</dt><dd className="min-w-0 truncate text-text">{children}</dd></div>;
}
