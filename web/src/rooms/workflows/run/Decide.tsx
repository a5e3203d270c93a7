/** A run waits for a person's word: what the tool was about to do, with which arguments; approve, deny with a reason, or tell its result. */
"use client";

import { Check, Hand, Hourglass, X } from "lucide-react";
import { useState } from "react";

import type { RunShown } from "@/kit/api/schema";
import { Untrusted } from "@/kit/text/Untrusted";
import { Button } from "@/kit/ui/Button";
import { TextArea } from "@/kit/ui/Field";

import type { useRunAction } from "../queries";

type Way = "repeat" | "deny" | "happened";
const DETAIL = /^(\S+) at (\S+) was being called[\s\S]*?Its arguments: ([\s\S]*)$/;

export function Waiting({ run, act }: { run: RunShown; act: ReturnType<typeof useRunAction> }) {
  if (run.state !== "waiting") return null;
  const asked = DETAIL.exec(run.waiting_detail ?? "");
  if (run.waiting_for === "person" && asked) return <Decide key={asked[2]} tool={asked[1]!} stepKey={asked[2]!} given={asked[3]!} act={act} />;
  if (!run.waiting_detail || run.waiting_detail === "paused") return null;
  return <p className="mx-5 mb-3 flex items-start gap-2 rounded-card border border-border bg-attention-soft px-3 py-2 text-attention max-md:mx-3"><Hourglass aria-hidden size={16} className="mt-0.5 shrink-0" /><Untrusted inline text={run.waiting_detail} /></p>;
}

function Decide({ tool, stepKey, given, act }: { tool: string; stepKey: string; given: string; act: ReturnType<typeof useRunAction> }) {
  const [way, setWay] = useState<Way | null>(null);
  const [text, setText] = useState("");
  const send = (chosen: Way) => act.mutate(chosen === "repeat"
    ? { verb: "decide", step_key: stepKey, decision: "repeat" }
    : { verb: "decide", step_key: stepKey, decision: "happened", result: chosen === "deny" ? `Error: not called. A person denied it: ${text.trim()}` : text });
  return (
    <section aria-label="Your word is needed" className="mx-5 mb-3 rounded-card border border-attention p-4 max-md:mx-3">
      <h2 className="flex items-center gap-2"><Hand aria-hidden size={16} className="text-attention" /> May <span className="font-mono"><Untrusted inline text={tool} /></span> be called?</h2>
      <p className="mt-1">The run was interrupted while <span className="font-mono text-xs text-text"><Untrusted inline text={stepKey} /></span> was being called, and it must not be called twice. Nobody but you can know whether it happened.</p>
      <Untrusted text={given} className="mt-2 max-h-40 overflow-auto rounded-control bg-subtle p-2.5 font-mono text-xs text-text" />
      {way && way !== "repeat" && (
        <TextArea className="mt-3" rows={2} autoFocus value={text} onChange={(event) => setText(event.target.value)}
          label={way === "deny" ? "Why not? The agent reads this" : "What did it answer? The agent reads this"} />
      )}
      <div className="mt-3 flex flex-wrap gap-2">
        {way && way !== "repeat" ? (
          <>
            <Button kind="ink" busy={act.isPending} disabled={way === "deny" && !text.trim()} reason={way === "deny" && !text.trim() ? "Say why" : undefined} onClick={() => send(way)}>{way === "deny" ? "Deny and go on" : "Take this as its answer"}</Button>
            <Button kind="quiet" onClick={() => setWay(null)}>Back</Button>
          </>
        ) : (
          <>
            <Button kind="ink" icon={Check} busy={act.isPending} onClick={() => send("repeat")}>It did not happen: call it</Button>
            <Button icon={X} onClick={() => setWay("deny")}>Deny</Button>
            <Button onClick={() => setWay("happened")}>It happened</Button>
          </>
        )}
      </div>
    </section>
  );
}
