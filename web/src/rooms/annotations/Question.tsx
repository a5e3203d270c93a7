/** What was asked: the goal, and the prompt that all answers share. */
import { ListTree } from "lucide-react";

import { Untrusted } from "@/kit/text/Untrusted";
import { Button } from "@/kit/ui/Button";

import { type Message } from "./words";

export function Question({ goal, messages, onContext }: { goal: string; messages: Message[]; onContext: () => void }) {
  const rest = messages.filter((message) => !(message.role === "user" && message.text === goal));
  return (
    <div className="shrink-0 space-y-3">
      <div className="flex items-start gap-3">
        <div className="min-w-0 flex-1">
          <p className="text-text-3">Goal</p>
          <div tabIndex={goal.length > 300 ? 0 : undefined} role={goal.length > 300 ? "group" : undefined} aria-label={goal.length > 300 ? "Goal" : undefined} className="max-h-28 overflow-y-auto">
            <Untrusted text={goal} className={goal.length > 160 ? "text-md text-text" : "text-xl font-semibold tracking-[-0.015em] text-text"} />
          </div>
        </div>
        <Button kind="quiet" icon={ListTree} keyCap="O" onClick={onContext} className="max-md:px-2">Whole run</Button>
      </div>
      {rest.length > 0 && (
        <div tabIndex={0} role="group" aria-label="The prompt that all answers share" className="max-h-40 space-y-1 overflow-y-auto rounded-card border border-border bg-subtle px-4 py-3 max-md:max-h-24">
          {rest.map((message, at) => (
            <div key={at} className="grid grid-cols-[72px_1fr] gap-x-3 max-md:grid-cols-1">
              <span className="text-text-3">{message.role}</span>
              <Untrusted text={message.text} className="text-text" />
            </div>
          ))}
        </div>
      )}
    </div>
  );
}
