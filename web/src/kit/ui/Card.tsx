/** Flat boxes with a hairline, and the parts of a page. */
import clsx from "clsx";

export function Card({ title, note, actions, children, className, id, flush = false }: {
  title?: React.ReactNode; note?: React.ReactNode; actions?: React.ReactNode; children: React.ReactNode; className?: string; id?: string;
  /** Let rows reach the edge. */ flush?: boolean;
}) {
  return (
    <section id={id} className={clsx("min-w-0 rounded-card border border-border bg-surface", className)}>
      {title && (
        <header className="flex min-h-11 items-center gap-2 px-4 pt-1">
          <h2>{title}</h2>
          {note && <span className="text-text-3">{note}</span>}
          {actions && <div className="ml-auto flex items-center gap-2">{actions}</div>}
        </header>
      )}
      <div className={flush ? undefined : "px-4 py-3"}>{children}</div>
    </section>
  );
}

/** Title, one line of context, at most three actions. Every page has exactly one. */
export function PageHeader({ title, state, note, actions }: {
  title: React.ReactNode; state?: React.ReactNode; note?: React.ReactNode; actions?: React.ReactNode;
}) {
  return (
    <header className="flex min-h-[52px] flex-wrap items-center gap-x-3 gap-y-2 py-2">
      {state}
      <h1 className="min-w-0 truncate">{title}</h1>
      {note && <p className="min-w-0 truncate text-text-3">{note}</p>}
      {actions && <div className="ml-auto flex flex-wrap items-center gap-2">{actions}</div>}
    </header>
  );
}

/** At most six figures with their units. */
export function FigureStrip({ figures }: { figures: { label: string; value: React.ReactNode; note?: React.ReactNode }[] }) {
  return (
    <dl className="grid grid-cols-2 overflow-hidden rounded-card border border-border bg-surface sm:grid-cols-3 lg:flex">
      {figures.map((figure) => (
        <div key={figure.label} className="flex-1 border-border px-4 py-2 not-first:border-l">
          <dt className="text-xs text-text-3">{figure.label}</dt>
          <dd className="nums text-fig font-semibold text-text">{figure.value}{figure.note && <span className="ml-1.5 text-xs font-normal text-text-3">{figure.note}</span>}</dd>
        </div>
      ))}
    </dl>
  );
}
