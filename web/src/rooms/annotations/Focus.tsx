/** One item after the other, by keys alone if you like: read, choose, say why, go on. */
"use client";

import { BookOpen, PenLine } from "lucide-react";
import Link from "next/link";
import { useState } from "react";

import type { QueueShown } from "@/kit/api/schema";
import { href, useUrl } from "@/kit/url";
import { Fill } from "@/kit/ui/Fill";
import { EmptyState, ErrorBox, Skeleton } from "@/kit/ui/Moments";
import { Button, IconButton, LinkButton } from "@/kit/ui/Button";
import { SidePanel } from "@/kit/ui/SidePanel";

import { Guide } from "./Aside";
import { Bulk } from "./Bulk";
import { Done } from "./Done";
import { ItemView } from "./ItemView";
import { useQueue } from "./queries";
import { RunContext } from "./RunContext";
import { SkipDialog } from "./SkipDialog";
import { KeptWarning, Strip } from "./Strip";
import { useDesk, useShownMeasure } from "./useDesk";

export function Focus() {
  const { get } = useUrl();
  const id = get("id") ?? "";
  const queue = useQueue(id);
  if (id === "") return <EmptyState icon={PenLine} title="No queue is named" action={<LinkButton href="/annotations/">All queues</LinkButton>}>The address lacks its id.</EmptyState>;
  if (queue.error) return <div className="py-6"><ErrorBox error={queue.error} retry={() => void queue.refetch()} /></div>;
  if (!queue.data) return <Skeleton rows={8} label="Loading the queue" />;
  return (
    <Fill className="relative">
      {get("view") === "bulk" ? <><Strip queue={queue.data} state={null} actions={<Views id={id} bulk />} /><Bulk queue={queue.data} /></> : <Seat key={queue.data.id} queue={queue.data} />}
    </Fill>
  );
}

function Views({ id, bulk = false }: { id: string; bulk?: boolean }) {
  const look = (on: boolean) => `inline-flex h-7 items-center rounded-[5px] px-3 font-[550] max-md:h-11 ${on ? "border border-border bg-surface text-text" : "text-text-2 hover:text-text"}`;
  return (
    <nav aria-label="View" className={`flex ${bulk ? "" : "max-md:hidden"} rounded-control bg-sunken p-0.5`}>
      <Link href={href("/annotations/queue", { id })} aria-current={bulk ? undefined : "page"} className={look(!bulk)}>Focus</Link>
      <Link href={href("/annotations/queue", { id, view: "bulk" })} aria-current={bulk ? "page" : undefined} className={look(bulk)}>Bulk</Link>
    </nav>
  );
}

type Panel = "guide" | "run" | null;

function Seat({ queue }: { queue: QueueShown }) {
  const { desk, state } = useDesk(queue);
  const wide = () => window.matchMedia("(min-width: 1280px)").matches;
  const [panel, setPanel] = useState<Panel>(() => (wide() ? "guide" : null));
  const [skipping, setSkipping] = useState(false);
  const toggle = (which: Exclude<Panel, null>) => setPanel((now) => (now === which ? (which === "run" && wide() ? "guide" : null) : which));
  const looked = state.looking === null ? null : state.judged[state.looking] ?? null;
  const item = looked?.item ?? state.current;
  useShownMeasure(state.current?.id);
  const unsaved = state.judged.filter((entry) => entry.error);
  const guide = <Guide queue={queue} item={item} judged={state.judged} onUndo={() => desk.undo()} onAgain={(entry) => void desk.again(entry)} />;
  return (
    <>
      <Strip queue={queue} state={state} actions={<><IconButton icon={BookOpen} label="Guidelines (I)" aria-pressed={panel === "guide"} onClick={() => toggle("guide")} className="xl:hidden" /><Views id={queue.id} /></>} />
      {unsaved.length > 0 && (
        <div role="alert" className="flex min-h-9 flex-wrap items-center gap-3 border-b border-border bg-failed-soft px-6 py-1 text-failed max-md:px-3">
          <span className="min-w-0 flex-1">{unsaved.length === 1 ? "1 judgement is not saved" : `${unsaved.length} judgements are not saved`}; they are kept here. {unsaved[0]!.error instanceof Error ? unsaved[0]!.error.message : ""}</span>
          <Button onClick={() => unsaved.forEach((entry) => void desk.again(entry))} className="h-7">Save again</Button>
        </div>
      )}
      {state.current && <KeptWarning key={state.current.id} until={state.keptUntil[state.current.id]} extend={() => void desk.extend()} />}
      <div className="flex min-h-0 flex-1">
        <div className="min-w-0 flex-1">
          {item ? <ItemView key={item.id + String(state.looking)} queue={queue} desk={desk} state={state} item={item} draft={looked?.draft ?? state.draft} past={looked !== null}
              onPanel={toggle} onSkip={() => setSkipping(true)} />
            : state.phase === "done" ? <Done queue={queue} state={state} onUndo={() => desk.undo()} onMore={() => void desk.start()} />
            : state.phase === "failed" ? <div className="p-6"><ErrorBox error={state.error} retry={() => void desk.start()} /></div>
            : <Skeleton rows={8} label="Loading the next item" />}
        </div>
        {panel === "guide" && <aside aria-label="Guidelines" className="w-[300px] shrink-0 overflow-y-auto border-l border-border bg-subtle max-xl:hidden">{guide}</aside>}
        {panel === "guide" && !wide() && <SidePanel title="Guidelines" onClose={() => setPanel(null)}>{guide}</SidePanel>}
        {panel === "run" && item && <SidePanel title="The whole run" onClose={() => toggle("run")}><RunContext item={item} /></SidePanel>}
      </div>
      <SkipDialog open={skipping} onClose={() => setSkipping(false)} onSkip={(reason) => { setSkipping(false); desk.skip(reason); }} />
    </>
  );
}
