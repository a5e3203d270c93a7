/** Settings, Notifications: the rules, the channels they send by, and what was delivered. */
"use client";

import { BellPlus, Inbox, Send } from "lucide-react";
import { useState } from "react";

import { Button, LinkButton } from "@/kit/ui/Button";
import { PageHeader } from "@/kit/ui/Card";

import { ChannelForm } from "./ChannelForm";
import { Channels } from "./Channels";
import { Deliveries } from "./Deliveries";
import { RuleForm } from "./RuleForm";
import { Rules } from "./Rules";

export function Notifications() {
  const [making, setMaking] = useState<"rule" | "channel" | null>(null);
  const close = () => setMaking(null);
  return (
    <>
      <PageHeader title="Notifications" note="Which events are told, by which way, and when." actions={<>
        <LinkButton href="/notifications/" icon={Inbox}>Inbox</LinkButton>
        <Button icon={Send} onClick={() => setMaking("channel")}>New channel</Button>
        <Button kind="ink" icon={BellPlus} onClick={() => setMaking("rule")}>New rule</Button>
      </>} />
      {making === "channel" && <ChannelForm onClose={close} />}
      {making === "rule" && <RuleForm onClose={close} />}
      <div className="grid max-w-6xl gap-3.5 lg:grid-cols-[minmax(0,3fr)_minmax(280px,2fr)]">
        <div className="min-w-0 space-y-3.5"><Rules /><Deliveries /></div>
        <div className="min-w-0"><Channels /></div>
      </div>
    </>
  );
}
