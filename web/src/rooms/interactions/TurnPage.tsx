/** One turn as a page of its own. */
"use client";

import { MessagesSquare, ScrollText } from "lucide-react";

import { shortId } from "@/kit/format/format";
import { LinkButton } from "@/kit/ui/Button";
import { PageHeader } from "@/kit/ui/Card";
import { EmptyState } from "@/kit/ui/Moments";
import { href, useUrl } from "@/kit/url";

import { Turn } from "./Turn";

export function TurnPage() {
  const { get, set } = useUrl();
  const id = get("id");
  if (!id) return <EmptyState icon={ScrollText} title="Which turn?" action={<LinkButton href="/interactions/">All turns</LinkButton>}>The address names none.</EmptyState>;
  return (
    <>
      <PageHeader title="Turn" note={shortId(id)} actions={<><LinkButton icon={MessagesSquare} href={href("/serving", { turn: id })}>Ask again in the playground</LinkButton><LinkButton icon={ScrollText} href={href("/interactions", { turn: id })}>In the log</LinkButton></>} />
      <div className="max-w-4xl rounded-card border border-border"><Turn key={id} id={id} tab={get("tab") ?? "said"} onTab={(tab) => set({ tab: tab === "said" ? null : tab })} /></div>
    </>
  );
}
