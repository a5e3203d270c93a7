/** A dataset's versions, and how two of them differ. */
"use client";

import Link from "next/link";

import { clockTime, digits } from "@/kit/format/format";
import { Untrusted } from "@/kit/text/Untrusted";
import { href, useUrl } from "@/kit/url";
import { Button } from "@/kit/ui/Button";
import { Card, FigureStrip } from "@/kit/ui/Card";
import { StateChip } from "@/kit/ui/Chip";
import { Copy } from "@/kit/ui/Copy";
import { SelectField } from "@/kit/ui/Field";
import { ErrorBox, Skeleton } from "@/kit/ui/Moments";

import { useDiff, type Version } from "./queries";

const ORIGINS: Record<string, string> = { built: "built by rules", reduced: "without some runs or judges", imported: "from a file" };

export function Versions({ name, all, version, more }: { name: string; all: Version[]; version: Version; more: (() => void) | undefined }) {
  const { get, set } = useUrl();
  const frozen = all.filter((each) => each.state === "succeeded" && each.id !== version.id);
  const other = frozen.find((each) => each.number === Number(get("with")));
  return (
    <>
      <Card flush>
        <ul className="divide-y divide-border">
          {all.map((each) => (
            <li key={each.id} className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-2.5">
              <Link href={href("/datasets/dataset", { name, version: each.number })} aria-current={each.id === version.id || undefined} className="w-12 font-[550] text-text hover:text-accent">@{each.number}</Link>
              <StateChip state={each.state} />
              <span className="nums"><strong>{digits(each.pairs)}</strong> pairs</span>
              <span className="text-text-3">{ORIGINS[each.origin]}</span>
              {each.content_hash && <Copy text={each.content_hash} className="font-mono text-xs text-text-3">{each.content_hash.slice(7, 15)}</Copy>}
              <span className="nums ml-auto text-text-3">{clockTime(each.created_at)}</span>
            </li>
          ))}
        </ul>
      </Card>
      {more && <Button onClick={more}>Older versions</Button>}
      {version.state === "succeeded" && frozen.length > 0 && (
        <Card title={`How @${version.number} differs`}>
          <SelectField label="From version" value={other ? String(other.number) : ""} options={[{ value: "", label: "Choose one" }, ...frozen.map((each) => ({ value: String(each.number), label: `@${each.number}, ${each.pairs} pairs` }))]} onChange={(event) => set({ with: event.target.value })} className="max-w-64" />
          {other && <Difference before={other} after={version} />}
        </Card>
      )}
    </>
  );
}

function Difference({ before, after }: { before: Version; after: Version }) {
  const diff = useDiff(before.id, after.id);
  if (diff.error) return <ErrorBox error={diff.error} retry={() => void diff.refetch()} />;
  if (!diff.data) return <Skeleton rows={3} label="Comparing" />;
  const { equal, kept, added, removed, moved, rescored, rules } = diff.data;
  return (
    <div className="mt-4 space-y-4">
      <p className="text-text">{equal ? "Both hold the same pairs." : `${digits(added)} pairs came, ${digits(removed)} went, ${digits(kept)} stayed.`}</p>
      <FigureStrip figures={[{ label: "Added", value: digits(added) }, { label: "Removed", value: digits(removed) }, { label: "Kept", value: digits(kept) }, { label: "Moved to the other side", value: digits(moved) }, { label: "Scored otherwise", value: digits(rescored) }]} />
      {Object.keys(rules).length > 0 && (
        <table className="w-full"><thead className="text-left text-xs text-text-3"><tr><th className="font-normal">Rule</th><th className="font-normal">@{before.number}</th><th className="font-normal">@{after.number}</th></tr></thead>
          <tbody>{Object.entries(rules).map(([name, [was, is]]) => <tr key={name}><td className="py-0.5 text-text-3">{name.replaceAll("_", " ")}</td><td><Untrusted inline text={shown(was)} /></td><td className="text-text"><Untrusted inline text={shown(is)} /></td></tr>)}</tbody></table>
      )}
    </div>
  );
}

function shown(value: unknown): string {
  return value == null ? "none" : Array.isArray(value) ? value.join(", ") : String(value);
}
