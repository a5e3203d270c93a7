/** Every rule: what it wants, where it goes, when; changed, turned on and off here. */
"use client";

import { Bell, BellOff, Pencil, Trash2 } from "lucide-react";
import { useState } from "react";

import type { RuleShown } from "@/kit/api/schema";
import { reveal } from "@/kit/text/Untrusted";
import { Button, IconButton } from "@/kit/ui/Button";
import { Card } from "@/kit/ui/Card";
import { Tag } from "@/kit/ui/Chip";
import { ErrorBox, Skeleton } from "@/kit/ui/Moments";
import { say } from "@/kit/ui/Toast";

import { useDeleteRule, useRules, useTurn } from "./queries";
import { RuleForm } from "./RuleForm";
import { pace } from "./wanted";

export function Rules() {
  const { data, error, isPending, refetch } = useRules();
  return (
    <Card title="Rules" note={data && <span className="nums">{data.items.length}</span>} flush>
      {isPending && <Skeleton rows={3} />}
      {error && <div className="px-4 pb-3"><ErrorBox error={error} retry={() => void refetch()} /></div>}
      <ul>{data?.items.map((rule) => <Row key={rule.id} rule={rule} />)}</ul>
    </Card>
  );
}

function Row({ rule }: { rule: RuleShown }) {
  const turn = useTurn(), remove = useDeleteRule();
  const [changing, setChanging] = useState(false);
  return (
    <li className="border-t border-border px-4 py-2.5">
      <div className="flex flex-wrap items-center gap-2">
        <span className="min-w-0 font-[550] text-text [overflow-wrap:anywhere]">{rule.name}</span>
        {rule.builtin && <Tag title="It came with the house: it can be changed and turned off, not deleted">built in</Tag>}
        {!rule.enabled && <Tag>off</Tag>}
        <span className="ml-auto flex items-center gap-1">
          <Button kind="quiet" icon={rule.enabled ? BellOff : Bell} busy={turn.isPending} onClick={() => turn.mutate(rule, { onSuccess: () => say(`${rule.name} is ${rule.enabled ? "off" : "on"}`) })}>{rule.enabled ? "Turn off" : "Turn on"}</Button>
          <IconButton icon={Pencil} label={`Change ${rule.name}`} onClick={() => setChanging(true)} />
          {!rule.builtin && <IconButton icon={Trash2} label={`Delete ${rule.name}`} disabled={remove.isPending} onClick={() => remove.mutate(rule, { onSuccess: () => say(`${rule.name} is gone`) })} />}
        </span>
      </div>
      <p className="mt-0.5 text-text-2">To <span className="font-[550]">{rule.channel ?? "the inbox"}</span>, {pace(rule)}.</p>
      <p className="mt-1 flex flex-wrap gap-1">{rule.event_types.map((type) => <Tag key={type}>{type}</Tag>)}</p>
      {rule.condition && <p className="mt-1.5 font-mono text-xs text-text-3 [overflow-wrap:anywhere]">{reveal(rule.condition)}</p>}
      {changing && <RuleForm rule={rule} onClose={() => setChanging(false)} />}
      {(turn.error ?? remove.error) && <div className="mt-2"><ErrorBox error={turn.error ?? remove.error} /></div>}
    </li>
  );
}
