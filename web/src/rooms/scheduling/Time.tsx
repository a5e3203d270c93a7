/** One time to come: on the clocks of its zone, and on the reader's. */
import type { TickShown } from "@/kit/api/schema";
import { clockTime } from "@/kit/format/format";
import { Tag } from "@/kit/ui/Chip";

export function Time({ tick: { at, local, clocks_changed } }: { tick: TickShown }) {
  return (
    <li className="nums flex min-h-(--row) items-center gap-3 border-t border-border px-4 py-1">
      <span className="font-[550] text-text">{local.slice(0, 16).replace("T", " ")}</span>
      <span className="text-text-3">{local.slice(19) || "UTC"}</span>
      {clocks_changed && <Tag>the clocks were changed</Tag>}
      <span className="ml-auto text-right text-text-3 max-sm:hidden" title={at}>{clockTime(at)} here</span>
    </li>
  );
}
