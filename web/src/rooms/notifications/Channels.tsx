/** Every channel: where it goes, whether it can; a test, a change, a fresh secret, and its end. */
"use client";

import { KeyRound, Mail, MessagesSquare, Pencil, Send, Trash2, TriangleAlert, Webhook } from "lucide-react";
import { useState } from "react";

import type { ChannelShown } from "@/kit/api/schema";
import { reveal } from "@/kit/text/Untrusted";
import { Button, IconButton } from "@/kit/ui/Button";
import { Card } from "@/kit/ui/Card";
import { Tag } from "@/kit/ui/Chip";
import { EmptyState, ErrorBox, Skeleton } from "@/kit/ui/Moments";
import { say } from "@/kit/ui/Toast";

import { ChannelForm } from "./ChannelForm";
import { useChannels, useDeleteChannel, useTest } from "./queries";
import { Rotate } from "./Secret";

const ICONS = { webhook: Webhook, email: Mail, apprise: MessagesSquare };

export function Channels() {
  const { data, error, isPending, refetch } = useChannels();
  const [doing, setDoing] = useState<{ what: "change" | "rotate"; channel: ChannelShown } | null>(null); // held here: its dialog stays, whatever the list becomes
  const about = doing && (data?.items.find((each) => each.id === doing.channel.id) ?? doing.channel);
  const close = () => setDoing(null);
  return (
    <Card title="Channels" note="ways out of the house" flush>
      {isPending && <Skeleton rows={2} />}
      {error && <div className="px-4 pb-3"><ErrorBox error={error} retry={() => void refetch()} /></div>}
      {data?.items.length === 0 && (
        <EmptyState icon={Send} title="The inbox needs none" command="camel-ext notifications add-channel team-hook --webhook URL">
          A webhook, e-mail, or whatever Apprise knows: chat, phone, pager.
        </EmptyState>
      )}
      <ul>{data?.items.map((channel) => <Row key={channel.id} channel={channel} onDo={(what) => setDoing({ what, channel })} />)}</ul>
      {about && doing.what === "change" && <ChannelForm channel={about} onClose={close} onSaved={() => say(`${about.name} is changed`)} />}
      {about && doing.what === "rotate" && <Rotate channel={about} onClose={close} />}
    </Card>
  );
}

function Row({ channel, onDo }: { channel: ChannelShown; onDo: (what: "change" | "rotate") => void }) {
  const test = useTest(), remove = useDeleteChannel();
  const Icon = ICONS[channel.kind];
  return (
    <li className="border-t border-border px-4 py-2.5">
      <div className="flex flex-wrap items-center gap-2">
        <Icon role="img" aria-label={channel.kind} size={16} strokeWidth={1.75} className="shrink-0 text-text-3" />
        <span className="min-w-0 truncate font-[550] text-text">{channel.name}</span>
        {!channel.enabled && <Tag>off</Tag>}
        <span className="ml-auto flex shrink-0 items-center gap-1">
          <Button kind="quiet" icon={Send} busy={test.isPending} onClick={() => test.mutate(channel, { onSuccess: () => say(`A test is on its way by ${channel.name}`) })}>Test</Button>
          {channel.kind === "webhook" && <IconButton icon={KeyRound} label={`Rotate the secret of ${channel.name}`} onClick={() => onDo("rotate")} />}
          <IconButton icon={Pencil} label={`Change ${channel.name}`} onClick={() => onDo("change")} />
          <IconButton icon={Trash2} label={`Delete ${channel.name}`} disabled={remove.isPending} onClick={() => remove.mutate(channel, { onSuccess: () => say(`${channel.name} is gone`) })} />
        </span>
      </div>
      <p className="text-text-2 [overflow-wrap:anywhere]">{reveal(channel.target)}</p>
      {channel.problem && <p className="mt-1 flex items-start gap-1.5 text-xs text-attention [overflow-wrap:anywhere]"><TriangleAlert aria-hidden size={14} className="mt-0.5 shrink-0" /> {reveal(channel.problem)}</p>}
      {(test.error ?? remove.error) && <div className="mt-2"><ErrorBox error={test.error ?? remove.error} /></div>}
    </li>
  );
}
