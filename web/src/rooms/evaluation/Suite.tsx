/** One suite: its newest version, its scorers, its cases by topic. */
"use client";

import { digits, shortId } from "@/kit/format/format";
import { reveal, Untrusted } from "@/kit/text/Untrusted";
import { useUrl } from "@/kit/url";
import { Card, PageHeader } from "@/kit/ui/Card";
import { Copy } from "@/kit/ui/Copy";
import { ErrorBox, Skeleton } from "@/kit/ui/Moments";
import { Unnamed } from "@/kit/ui/Unnamed";

import { goalOf, type Scorer, type SuiteCase } from "./pairing";
import { useSuite, useSuiteVersion } from "./queries";

export function Suite() {
  const name = useUrl().get("name");
  const suite = useSuite(name);
  const version = useSuiteVersion(suite.data?.current_version_id);
  const error = suite.error ?? version.error;
  if (!name) return <Unnamed what="suite" list="/evaluation" word="Evaluation" />;
  if (error) return <ErrorBox error={error} retry={() => { void suite.refetch(); void version.refetch(); }} />;
  if (!suite.data || !version.data) return <Skeleton rows={10} />;
  const topics = new Map<string, SuiteCase[]>();
  for (const each of version.data.cases as unknown as SuiteCase[]) topics.set(each.topic, [...(topics.get(each.topic) ?? []), each]);
  return (
    <>
      <PageHeader title={`${reveal(suite.data.name)}@${version.data.number}`} note={`${reveal(suite.data.description)} ${digits(version.data.case_count)} cases in ${digits(version.data.topic_count)} topics`}
        actions={<Copy text={version.data.content_hash} className="font-mono text-xs text-text-3">{shortId(version.data.content_hash.replace("sha256:", ""))}</Copy>} />
      <div className="space-y-3.5">
        <Card title="Scorers" note={digits(version.data.scorers.length)} flush>
          <ul>
            {(version.data.scorers as unknown as Scorer[]).map((each) => (
              <li key={each.name} className="grid gap-x-4 border-t border-border px-4 py-2 md:grid-cols-[10rem_16rem_1fr]">
                <span className="font-[550] text-text">{reveal(each.name)}{each.name === version.data.primary && <span className="font-normal text-text-3"> · primary</span>}</span>
                <span>{reveal(each.description || each.judge?.criteria || "")}</span>
                <code className="font-mono text-xs text-text-3 [overflow-wrap:anywhere]">{each.verify ?? "judge"} {reveal(JSON.stringify(each.params ?? {}))}</code>
              </li>
            ))}
          </ul>
        </Card>
        <Card title="Cases" note="topics are what the statistics count">
          <div className="columns-1 gap-6 md:columns-2 xl:columns-3">
            {[...topics].map(([topic, cases]) => (
              <section key={topic} className="mb-4 break-inside-avoid"><h3>{reveal(topic)} <span className="font-normal text-text-3">{cases.length}</span></h3><ul>{cases.map((each) => <li key={each.id}><Untrusted text={goalOf(each.input)} className="line-clamp-2" /></li>)}</ul></section>
            ))}
          </div>
        </Card>
      </div>
    </>
  );
}
