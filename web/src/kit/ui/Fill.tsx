/** A page that takes the whole sheet, edge to edge, and scrolls inside its own panes. */
import clsx from "clsx";

export function Fill({ children, className }: { children: React.ReactNode; className?: string }) {
  return <div className={clsx("-mx-6 -mb-6 flex h-[calc(100%+24px)] min-h-0 flex-col max-md:-mx-3", className)}>{children}</div>;
}
