/** The delivery log: what left the house, how it went, why not; and sending it again. */
"use client";

import { RotateCcw } from "lucide-react";

import type { DeliveryShown } from "@/kit/api/schema";
import { clockTime } from "@/kit/format/format";
import { reveal } from "@/kit/text/Untrusted";
import { Button } from "@/kit/ui/Button";
import { Card } from "@/kit/ui/Card";
import { StateChip, Tag } from "@/kit/ui/Chip";
import { ErrorBox, Skeleton } from "@/kit/ui/Moments";

import { useDeliveries, useResend } from "./queries";

export function Deliveries() {
  const { data, error, isPending, refetch } = useDeliveries();
  return (
    <Card title="Deliveries" note="the latest first" flush>
      {isPending && <Skeleton rows={3} />}
      {error && <div className="px-4 pb-3"><ErrorBox error={error} retry={() => void refetch()} /></div>}
      {data?.items.length === 0 && <p className="border-t border-border px-4 py-3">Nothing has left the house yet.</p>}
      <ul aria-label="Deliveries">{data?.items.map((delivery) => <Row key={delivery.id} delivery={delivery} />)}</ul>
    </Card>
  );
}

function Row({ delivery }: { delivery: DeliveryShown }) {
  const resend = useResend();
  const over = ["succeeded", "failed", "cancelled"].includes(delivery.state);
  return (
    <li className="border-t border-border px-4 py-2">
      <div className="flex min-h-8 flex-wrap items-center gap-x-3 gap-y-1">
        <span data-varies className="nums text-text-3">{clockTime(delivery.created_at)}</span>
        <Tag>{delivery.channel}</Tag>
        <StateChip state={delivery.state} />
        <span data-varies className="nums text-xs text-text-3">{facts(delivery)}</span>
        {over && <span className="ml-auto"><Button kind="quiet" icon={RotateCcw} busy={resend.isPending} onClick={() => resend.mutate(delivery.id)}>Send again</Button></span>}
      </div>
      <p className="text-text [overflow-wrap:anywhere]">{reveal(delivery.subject)}</p>
      {delivery.error_detail && <p className="mt-0.5 text-xs text-text-3 [overflow-wrap:anywhere]">{reveal(delivery.error_detail)}</p>}
      {resend.error && <div className="mt-2"><ErrorBox error={resend.error} /></div>}
    </li>
  );
}

function facts({ state, attempts, response_code, latency_ms, due_at, next_try_at }: DeliveryShown): string {
  const told = [
    state === "queued" ? `at ${clockTime(due_at)}` : null,
    next_try_at ? `again at ${clockTime(next_try_at)}` : null,
    attempts > 1 ? `${attempts} tries` : null,
    response_code === null ? null : `answered ${response_code}`,
    latency_ms === null ? null : `${Math.round(latency_ms)} ms`,
  ];
  return told.filter(Boolean).join(" · ");
}
