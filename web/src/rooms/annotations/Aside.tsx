/** What stands beside the item: the rules, where it comes from, what was judged just now. */
"use client";

import { GitFork, Layers, Play, Undo2 } from "lucide-react";

import type { ItemShown, QueueShown } from "@/kit/api/schema";
import { duration, shortId } from "@/kit/format/format";
import { Untrusted } from "@/kit/text/Untrusted";
import { Button } from "@/kit/ui/Button";

import type { Judged } from "./desk";
import { useOrigin } from "./queries";
import { askedOf, promptOf } from "./words";

const SHOWN = 6;

export function Guide({ queue, item, judged, onUndo, onAgain }: { queue: QueueShown; item: ItemShown | null; judged: Judged[]; onUndo: () => void; onAgain: (entry: Judged) => void }) {
  return (
    <div className="space-y-6 p-4">
      <section>
        <header className="mb-2 flex items-center gap-2"><h2>Guidelines</h2>{queue.guideline_version && <span className="ml-auto text-xs text-text-3">version {queue.guideline_version}</span>}</header>
        {queue.guideline.trim() ? <Untrusted text={queue.guideline} className="text-text-2" /> : <p className="text-text-3">This queue has none. Judge by what helps who asked.</p>}
      </section>
      {item && <Origin item={item} queue={queue} />}
      <section>
        <header className="mb-2 flex min-h-8 items-center"><h2>Judged just now</h2>{judged.length > 0 && <Button kind="quiet" icon={Undo2} keyCap="U" onClick={onUndo} className="ml-auto px-2">Undo</Button>}</header>
        {judged.length === 0 ? <p className="text-text-3">Nothing yet. What you say can be taken back with U.</p> : (
          <ul className="divide-y divide-border rounded-card border border-border bg-surface">
            {judged.slice(-SHOWN).reverse().map((entry) => (
              <li key={entry.bodies.at(-1)!.key} className="flex min-h-9 items-center gap-3 px-3 py-1">
                <span className="min-w-0 flex-1 truncate text-text"><Untrusted inline text={askedOf(promptOf(entry.item)).split("\n")[0] ?? ""} /></span>
                <span className="max-w-24 truncate font-[550] text-text">{entry.word}</span>
                {entry.error ? <Button onClick={() => onAgain(entry)} className="h-6 px-2 text-xs text-failed">Try again</Button>
                  : <span className="nums text-xs text-text-3">{entry.saved ? duration(Math.max(1, Math.round(entry.spentMs / 1000))).replace(/\.\d+ s/, " s") : "saving"}</span>}
              </li>
            ))}
          </ul>
        )}
      </section>
    </div>
  );
}

function Origin({ item, queue }: { item: ItemShown; queue: QueueShown }) {
  const { answer, origin, samples } = useOrigin(item);
  const several = item.interaction_ids.length;
  const turn = origin?.step_key;
  const rows = [
    { icon: Play, text: origin ? (origin.run_id ? `Run ${shortId(origin.run_id)}${turn ? `, ${turn}` : ""}` : "A call from outside of runs") : "" },
    { icon: GitFork, text: several > 1 ? `Same prompt, ${several} samples` : samples ? "A further sample of a logged turn" : "" },
    { icon: Layers, text: queue.blind ? "Models hidden, order shuffled and logged" : [answer?.agent_id && `role ${answer.agent_id}`, answer?.alias && `model ${answer.alias}`].filter(Boolean).join(", ") },
  ].filter((row) => row.text);
  return (
    <section>
      <h2 className="mb-2">Where this comes from</h2>
      <ul className="space-y-2">{rows.map(({ icon: Icon, text }) => <li key={text} className="flex gap-2"><Icon aria-hidden size={16} strokeWidth={1.75} className="mt-0.5 shrink-0" /> <Untrusted inline text={text} /></li>)}</ul>
    </section>
  );
}
