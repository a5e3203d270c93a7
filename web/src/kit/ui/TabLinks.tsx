/** Parts of a page that have addresses of their own: links that look like tabs, the one that is open marked. */
import clsx from "clsx";
import Link from "next/link";

export function TabLinks({ label, tabs, current }: { label: string; current: string; tabs: { id: string; word: string; href: string; note?: React.ReactNode }[] }) {
  return (
    <nav aria-label={label} className="flex gap-5 overflow-x-auto border-b border-border">
      {tabs.map((tab) => (
        <Link key={tab.id} href={tab.href} aria-current={tab.id === current ? "page" : undefined} scroll={false}
          className={clsx("-mb-px inline-flex h-9 shrink-0 items-center gap-1.5 border-b-2 font-[550] max-md:h-11", tab.id === current ? "border-accent text-text" : "border-transparent text-text-2 hover:text-text")}>
          {tab.word} {tab.note !== undefined && <span className="nums text-xs font-normal text-text-3">{tab.note}</span>}
        </Link>
      ))}
    </nav>
  );
}
