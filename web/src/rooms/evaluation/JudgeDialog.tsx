/** Let a judge of the suite see both answers to each case; what it prefers is read by comparisons that name it. */
"use client";

import { useState } from "react";

import { idempotencyKey } from "@/kit/api/client";
import type { EvaluationShown } from "@/kit/api/schema";
import { digits } from "@/kit/format/format";
import { reveal } from "@/kit/text/Untrusted";
import { Button } from "@/kit/ui/Button";
import { Dialog } from "@/kit/ui/Dialog";
import { SelectField, TextField } from "@/kit/ui/Field";
import { ErrorBox } from "@/kit/ui/Moments";
import { say } from "@/kit/ui/Toast";

import { useJudge } from "./queries";
import { SideFields, useSides } from "./TwoSides";

export function JudgeDialog({ done, onClose }: { done: EvaluationShown[]; onClose: () => void }) {
  const sides = useSides(done);
  const { candidate, baseline, version } = sides;
  const judges = sides.scorers.filter((each) => each.judge?.sees === "both");
  const [chosen, setChosen] = useState("");
  const [seed, setSeed] = useState("0");
  const [key, setKey] = useState(idempotencyKey);
  const ask = useJudge();
  const judge = judges.find((each) => each.name === chosen) ?? judges[0];
  const missing = !baseline ? "It takes two evaluations on one suite" : !judge ? "This suite has no such judge" : undefined;
  const go = () => baseline && judge && ask.mutate({ body: { baseline_id: baseline.id, candidate_id: candidate.id, scorer: judge.name, seed: Number(seed) || 0 }, key }, {
    onSuccess: () => { say(`${judge.name} is looking at both`); onClose(); }, onError: () => setKey(idempotencyKey()),
  });
  return (
    <Dialog open wide onClose={onClose} title="Which judge shall look at which two?" actions={<>
      <Button onClick={onClose}>Leave</Button>
      <Button kind="ink" busy={ask.isPending} disabled={missing !== undefined} reason={missing} onClick={go}>Ask the judge</Button>
    </>}>
      <p>A model sees both answers to each case, without names, in both orders. A preference that turns with the order is none.</p>
      <SideFields done={done} sides={sides} onCandidate={() => setChosen("")} />
      {version && judges.length === 0 ? (
        <p className="rounded-control bg-attention-soft px-3 py-2 text-attention">No scorer of {reveal(candidate.suite)}@{version.number} is a judge that sees both answers. Put one into its file, such as <code className="font-mono text-xs">{"helpful: {judge: {model: big, criteria: ..., sees: both}}"}</code>, and define it anew.</p>
      ) : judge && (
        <>
          <div className="grid gap-3 sm:grid-cols-2">
            <SelectField label="Judge" value={judge.name} help={reveal(judge.judge?.criteria ?? "")} onChange={(event) => setChosen(event.target.value)} options={judges.map(({ name }) => ({ value: name, label: name }))} />
            <TextField label="Seed" inputMode="numeric" value={seed} onChange={(event) => setSeed(event.target.value.replace(/\D/g, ""))} />
          </div>
          {version && <p className="nums text-text-3">{reveal(judge.judge?.model ?? "")} is asked about {digits(version.case_count)} pairs, twice each; equal answers are not asked about.</p>}
        </>
      )}
      {ask.error && <ErrorBox error={ask.error} />}
    </Dialog>
  );
}
