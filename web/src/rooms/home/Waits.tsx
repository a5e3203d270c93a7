/** What waits for a person, each with the one button that moves it on. */
"use client";

import { CircleCheck, Hand, type LucideIcon, PenLine, Scale } from "lucide-react";

import type { Overview } from "@/kit/api/overview";
import { count } from "@/kit/format/format";
import { Untrusted } from "@/kit/text/Untrusted";
import { LinkButton } from "@/kit/ui/Button";
import { Card } from "@/kit/ui/Card";
import { href } from "@/kit/url";

const FORMS: Record<string, string> = { choice: "two answers: which is better?", ranking: "answers, best first", rating: "a score for each answer", thumbs: "good or bad", labels: "labels for each answer", correction: "what it should have said" };

interface Wait { id: string; icon: LucideIcon; ground: string; title: string; note: string; path: string; verb: string; kind: "accent" | "default" }

function waits({ waiting }: Overview): Wait[] {
  return [
    ...waiting.queues.map(({ id, name, kind: form, items_open }): Wait => ({
      id, icon: PenLine, ground: "bg-accent-soft text-accent", title: `${count(items_open)} to judge in ${name}`, note: FORMS[form] ?? form, path: href("/annotations/queue", { id }), verb: "Judge", kind: "accent",
    })),
    ...waiting.runs.map(({ id, title, workflow, waiting_detail }): Wait => ({
      id, icon: Hand, ground: "bg-attention-soft text-attention", title: `Approve in ${title || workflow}`, note: waiting_detail ?? workflow, path: href("/workflows/run", { id }), verb: "Review", kind: "default",
    })),
    ...waiting.improvements.map(({ id, workflow, agent, verdict }): Wait => ({
      id, icon: Scale, ground: "bg-attention-soft text-attention", title: `Decide on ${agent} of ${workflow}`, note: verdict ? `the verdict: ${verdict.replace("_", " ")}` : "its verdict is there", path: href("/experiments/improvement", { id }), verb: "Decide", kind: "default",
    })),
  ];
}

export function Waits({ now }: { now: Overview }) {
  const all = waits(now);
  return (
    <Card title="Waits for you" flush>
      {all.length === 0 && <p className="flex items-center gap-2 border-t border-border px-4 py-4 text-text-3"><CircleCheck aria-hidden size={16} /> Nothing waits for you.</p>}
      <ul>
        {all.map(({ id, icon: Icon, ground, title, note, path, verb, kind }) => (
          <li key={id} className="flex items-center gap-3 border-t border-border px-4 py-2">
            <span className={`flex size-8 shrink-0 items-center justify-center rounded-control ${ground}`}><Icon aria-hidden size={16} strokeWidth={1.75} /></span>
            <div className="min-w-0 flex-1">
              <p className="truncate font-[550] text-text"><Untrusted inline text={title} /></p>
              <p className="truncate text-xs"><Untrusted inline text={note} /></p>
            </div>
            <LinkButton kind={kind} href={path}>{verb}</LinkButton>
          </li>
        ))}
      </ul>
    </Card>
  );
}
