/** What people, verifiers and judges said of one answer. */
"use client";

import { ago } from "@/kit/format/format";
import { Untrusted } from "@/kit/text/Untrusted";
import { ErrorBox } from "@/kit/ui/Moments";

import { useJudgements } from "./queries";

export function Judgements({ id }: { id: string }) {
  const { data, error } = useJudgements(id);
  if (error) return <ErrorBox error={error} title="Its judgements are not known" />;
  if (!data || data.items.length === 0) return null;
  return (
    <section aria-label="Judgements" className="pt-2">
      <h2>Judged</h2>
      <ul className="mt-1 divide-y divide-border">
        {data.items.map((each) => (
          <li key={each.id} className="py-1.5">
            <p className="flex gap-2"><span className="font-[550] text-text">{each.kind}</span><Untrusted inline text={each.score === null ? JSON.stringify(each.value) : `score ${each.score}`} className="nums" /><span className="ml-auto text-xs text-text-3">{each.judge_kind} <Untrusted inline text={each.judge} />, {ago(each.created_at)}</span></p>
            {each.rationale && <Untrusted text={each.rationale} className="text-xs" />}
          </li>
        ))}
      </ul>
    </section>
  );
}
