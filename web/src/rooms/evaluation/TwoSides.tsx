/** Which two evaluations: candidate and baseline on the same version of a suite, and that version's scorers. */
"use client";

import { useState } from "react";

import type { EvaluationShown } from "@/kit/api/schema";
import { clockTime } from "@/kit/format/format";
import { reveal } from "@/kit/text/Untrusted";
import { SelectField } from "@/kit/ui/Field";

import { answeredBy } from "./found";
import type { Scorer } from "./pairing";
import { useSuiteVersion } from "./queries";

const named = (each: EvaluationShown) => `${reveal(each.target)} by ${reveal(answeredBy(each))}, ${reveal(each.suite)}, ${clockTime(each.created_at)}`;

/** The first of them is the candidate, until another one is chosen. */
export function useSides(done: EvaluationShown[]) {
  const [candidateId, setCandidateId] = useState(done[0]!.id);
  const [baselineId, setBaselineId] = useState("");
  const candidate = done.find((each) => each.id === candidateId)!;
  const others = done.filter((each) => each.id !== candidateId && each.suite_version_id === candidate.suite_version_id);
  const baseline = others.find((each) => each.id === baselineId) ?? others[0];
  const version = useSuiteVersion(candidate.suite_version_id).data;
  const scorers = (version?.scorers as unknown as Scorer[] | undefined) ?? [];
  return { candidate, baseline, others, version, scorers, setCandidateId, setBaselineId };
}

export function SideFields({ done, sides, onCandidate }: { done: EvaluationShown[]; sides: ReturnType<typeof useSides>; onCandidate?: () => void }) {
  const { candidate, baseline, others } = sides;
  return (
    <>
      <SelectField label="Candidate" value={candidate.id} onChange={(event) => { sides.setCandidateId(event.target.value); onCandidate?.(); }} options={done.map((each) => ({ value: each.id, label: named(each) }))} />
      <SelectField label="Baseline" value={baseline?.id ?? ""} error={baseline ? null : "No other evaluation is on the same version of this suite."} onChange={(event) => sides.setBaselineId(event.target.value)} options={others.map((each) => ({ value: each.id, label: named(each) }))} />
    </>
  );
}
