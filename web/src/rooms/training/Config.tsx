/** Every hyper-parameter as it was used, with its meaning and its paper; hashes and files. */
"use client";

import { digits, shortId } from "@/kit/format/format";
import { reveal } from "@/kit/text/Untrusted";
import { Card } from "@/kit/ui/Card";
import { Copy } from "@/kit/ui/Copy";
import type { TrainingShown } from "@/kit/api/schema";

import { bytes } from "./progress";
import { useHyper } from "./queries";

export function Config({ job }: { job: TrainingShown }) {
  const meanings = new Map(useHyper().data?.items.map((each) => [each.name, each]));
  const files = Object.entries((job.result?.files ?? {}) as Record<string, { size_bytes: number; sha256: string }>);
  return (
    <div className="space-y-3">
      <Card title="Hyper-parameters" note={`preset ${reveal(job.preset)}, seed ${job.seed}`} flush>
        <dl>
          {Object.entries(job.hyper).map(([name, value]) => (
            <div key={name} className="grid gap-x-4 border-t border-border px-4 py-1.5 md:grid-cols-[11rem_10rem_1fr]">
              <dt className="font-mono text-xs leading-5 text-text">{name}</dt>
              <dd className={`nums [overflow-wrap:anywhere] ${String(value) === String(meanings.get(name)?.default) ? "" : "font-[550] text-text"}`}>{valueText(value)} <span className="text-text-3">{meanings.get(name)?.unit}</span></dd>
              <dd className="text-text-3">{meanings.get(name)?.meaning} {meanings.get(name)?.source && <span className="italic">{meanings.get(name)!.source}</span>}</dd>
            </div>
          ))}
        </dl>
      </Card>
      <Card title="Fingerprints">
        <ul className="space-y-1">
          {[["spec", job.spec_hash], ["dataset", job.dataset_hash], ...files.map(([name, { sha256, size_bytes }]) => [`${name}, ${bytes(size_bytes)}`, sha256])].map(([name, hash]) => (
            <li key={name} className="flex gap-3"><span className="w-64 text-text-3">{reveal(name!)}</span><Copy text={hash!} className="font-mono text-xs">{shortId(hash!.replace("sha256:", ""))}</Copy></li>
          ))}
        </ul>
        {job.result && <p className="mt-2 text-text-3">{digits(Number(job.result["parameters"]))} numbers trained, {Math.round(Number(job.result["cpu_seconds"]))} CPU-s, at most {bytes(Number(job.result["peak_rss_bytes"]))}</p>}
      </Card>
    </div>
  );
}

export function valueText(value: unknown): string {
  return value === null ? "none" : Array.isArray(value) ? value.join(", ") : String(value);
}
