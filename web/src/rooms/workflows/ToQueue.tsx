/** The turns of selected runs to a queue: all of them, or one agent's. */
"use client";

import { useState } from "react";

import { digits } from "@/kit/format/format";
import { QueueDialog } from "@/kit/queues/QueueDialog";
import { Button } from "@/kit/ui/Button";
import { Dialog } from "@/kit/ui/Dialog";
import { SelectField } from "@/kit/ui/Field";
import { ErrorBox, Skeleton } from "@/kit/ui/Moments";

import { useAnswers } from "./queries";
import { grouped } from "./run/plan";

export function ToQueue({ runIds, onClose, onDone }: { runIds: readonly string[]; onClose: () => void; onDone: () => void }) {
  const answers = useAnswers(runIds);
  const [agent, setAgent] = useState("");
  const [sure, setSure] = useState(false);
  const byAgent = grouped(answers.data ?? [], (call) => call.agent_id ?? "");
  const chosen = agent ? byAgent.get(agent) ?? [] : answers.data ?? [];
  if (sure) return <QueueDialog ids={chosen.map((call) => call.id)} onClose={onClose} onDone={onDone} />;
  return (
    <Dialog open onClose={onClose} title={runIds.length === 1 ? "Which turns of this run?" : `Which turns of these ${digits(runIds.length)} runs?`}
      actions={<><Button onClick={onClose}>Cancel</Button><Button kind="ink" disabled={chosen.length === 0} onClick={() => setSure(true)}>{chosen.length === 1 ? "Go on with 1 turn" : `Go on with ${digits(chosen.length)} turns`}</Button></>}>
      {answers.error ? <ErrorBox error={answers.error} retry={() => void answers.refetch()} /> : !answers.data ? <Skeleton rows={2} />
        : answers.data.length === 0 ? <p>No model has answered in {runIds.length === 1 ? "it" : "them"} yet.</p> : (
          <SelectField label="Of which agent" value={agent} onChange={(event) => setAgent(event.target.value)}
            options={[{ value: "", label: `All agents: ${digits(answers.data.length)}` }, ...[...byAgent].filter(([name]) => name).map(([name, calls]) => ({ value: name, label: `${name}: ${digits(calls.length)}` }))]} />
        )}
    </Dialog>
  );
}
