/** One certificate: may this candidate be promoted? A manager reads the top, a statistician the rest. */
"use client";

import { ChevronRight, Download } from "lucide-react";
import { Fragment } from "react";

import { api, unwrap } from "@/kit/api/client";
import { clockTime, digits } from "@/kit/format/format";
import { useKeys } from "@/kit/keys/useKeys";
import { reveal } from "@/kit/text/Untrusted";
import { useUrl } from "@/kit/url";
import { Button } from "@/kit/ui/Button";
import { PageHeader } from "@/kit/ui/Card";
import { ErrorBox, Skeleton } from "@/kit/ui/Moments";
import { Unnamed } from "@/kit/ui/Unnamed";

import { type Evidence, plural } from "./evidence";
import { Examples, GainByTopic, GoalByGoal } from "./Goals";
import { Guardrails } from "./Guardrails";
import { useCertificate } from "./queries";
import { Record } from "./Record";
import { Verdict } from "./Verdict";

function goTo(id: string) {
  const found = document.getElementById(id);
  found?.scrollIntoView({ block: "start" });
  found?.focus({ preventScroll: true });
}

export function Certificate() {
  const { get } = useUrl();
  const { data, error, refetch } = useCertificate(get("id"));
  useKeys("Certificate", [
    { keys: "d", label: "Go to the decision", run: () => goTo("decision") },
    { keys: "b", label: "Go to the broken goals", run: () => goTo("broken") },
    { keys: "e", label: "Export as HTML", run: () => data && void save(data, "html") },
  ]);
  if (!get("id")) return <Unnamed what="certificate" list="/experiments" word="Certificates" />;
  if (error) return <ErrorBox error={error} retry={() => void refetch()} />;
  if (!data) return <Skeleton rows={8} />;
  return (
    <>
      <PageHeader title={`Is ${reveal(data.candidate.target)} better than ${reveal(data.baseline.target)}?`} note={`${data.name} · agent ${reveal(data.agent)} in ${reveal(data.workflow)} · ${clockTime(data.issued_at)}`}
        actions={(["html", "markdown", "json"] as const).map((kind) => <Button key={kind} icon={Download} onClick={() => void save(data, kind)}>{{ html: "HTML", markdown: "MD", json: "JSON" }[kind]}</Button>)} />
      <div className="flex gap-5 max-xl:flex-col">
        <div className="min-w-0 flex-1 space-y-5">
          <Verdict shown={data} />
          <div className="grid gap-x-6 gap-y-5 lg:grid-cols-[13fr_8fr]">
            <Guardrails rails={data.guardrails} />
            <GoalByGoal shown={data} />
          </div>
          <GainByTopic topics={data.by_topic} />
          <Chain shown={data} />
          <Examples shown={data} />
        </div>
        <Record shown={data} />
      </div>
    </>
  );
}

/** Runs, candidates, judgements, pairs, steps, adapter, goals: what it was made from. */
function Chain({ shown }: { shown: Evidence }) {
  const made = shown.made_from;
  const links = [
    [made.runs, "run", "training goals"], [made.candidates, "candidate", "sampled answers"], [made.judgements, "judgement", "by verifiers"],
    [made.pairs, "pair", made.dataset ?? ""], [made.steps, "step", "of training"],
  ] as const;
  const chain: [string, string][] = [
    ...links.filter(([many]) => many > 0).map(([many, word, below]): [string, string] => [plural(many, word), below]),
    [shown.candidate.target, "the adapter"], [plural(shown.n, "goal"), `${digits(shown.topics)} topics, ${shown.leaked} leaked`],
  ];
  return (
    <section aria-labelledby="made-from">
      <h2 id="made-from">Where it comes from</h2>
      <ol className="mt-2 flex flex-wrap items-center gap-1.5">
        {chain.map(([head, below], at) => (
          <Fragment key={head}>
            {at > 0 && <ChevronRight aria-hidden size={14} className="text-text-3" />}
            <li className="rounded-control border border-border px-3 py-1.5"><span className="block font-[550] text-text">{reveal(head)}</span><span className="text-xs text-text-3">{reveal(below)}</span></li>
          </Fragment>
        ))}
      </ol>
    </section>
  );
}

async function save(shown: Evidence, kind: "html" | "markdown" | "json") {
  const path = { certificate_id: shown.id };
  const text = kind === "json" ? JSON.stringify(shown, null, 2)
    : await unwrap(kind === "html" ? api.GET("/api/v1/certificates/{certificate_id}/html", { params: { path }, parseAs: "text" }) : api.GET("/api/v1/certificates/{certificate_id}/markdown", { params: { path }, parseAs: "text" }));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([String(text)], { type: "text/plain" }));
  link.download = `${shown.name}.${{ html: "html", markdown: "md", json: "json" }[kind]}`;
  link.click();
  URL.revokeObjectURL(link.href);
}
