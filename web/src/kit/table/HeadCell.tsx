/** A column's title, with the edge that makes it wider or narrower. */
import clsx from "clsx";

import type { Column, ColumnHeader } from "./columns";

export function HeadCell<T>({ header, column }: { header: ColumnHeader; column: Column<T> }) {
  const resize = header.getResizeHandler();
  return (
    <span role="columnheader" className={clsx("group relative min-w-0 text-xs text-text-3", column.align === "right" && "text-right")}>
      <span className={column.narrow ? "sr-only" : "block truncate"}>{column.title}</span>
      {!column.grow && (
        <span aria-hidden onMouseDown={resize} onTouchStart={resize} onDoubleClick={() => header.column.resetSize()}
          className={clsx("absolute -inset-y-2 -right-2 w-1.5 cursor-col-resize border-r-2", header.column.getIsResizing() ? "border-accent" : "border-transparent group-hover:border-border")} />
      )}
    </span>
  );
}
