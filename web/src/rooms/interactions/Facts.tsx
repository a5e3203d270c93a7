/** Pairs of a name and a value, a line each; unknown ones are left out. */
import { Untrusted } from "@/kit/text/Untrusted";
import { Copy } from "@/kit/ui/Copy";

export type Fact = [name: string, value: React.ReactNode, copy?: string | null | undefined];

export function Facts({ facts }: { facts: Fact[] }) {
  return (
    <dl className="grid grid-cols-[minmax(96px,auto)_minmax(0,1fr)] gap-x-4 gap-y-1">
      {facts.filter(([, value]) => value !== null && value !== undefined && value !== "").map(([name, value, copy]) => (
        <div key={name} className="contents">
          <dt className="text-text-3">{name}</dt>
          <dd className="nums min-w-0 text-text">{copy ? <Copy text={copy}>{said(value)}</Copy> : said(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

function said(value: React.ReactNode): React.ReactNode {
  return typeof value === "string" ? <Untrusted inline text={value} /> : value;
}
