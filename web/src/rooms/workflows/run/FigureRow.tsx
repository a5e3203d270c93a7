/** The six figures in one line: where it is narrow their notes go, and the last one, a name, is cut short. */
import clsx from "clsx";

import type { Figure } from "./figures";

export function FigureRow({ figures }: { figures: Figure[] }) {
  return (
    <div className="@container shrink-0 border-t border-border max-md:hidden">
      <dl className="flex gap-x-5 px-5 py-2">
        {figures.map((figure, at) => (
          <div key={figure.label} className={clsx("min-w-0", at === figures.length - 1 ? "flex-1" : "shrink-0")}>
            <dt className="truncate text-xs text-text-3">{figure.label}</dt>
            <dd title={`${figure.value} ${figure.note ?? ""}`.trim()} className="nums truncate text-fig font-semibold text-text">{figure.value} {figure.note && <span className="text-xs font-normal text-text-3 @max-[640px]:hidden">{figure.note}</span>}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
