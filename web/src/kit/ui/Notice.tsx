/** One notice: how grave (icon and word), what, when; a dot where it is unread. A click opens what it is about. */
import clsx from "clsx";
import { CircleCheck, Hand, Info, type LucideIcon, OctagonX } from "lucide-react";
import Link from "next/link";

import type { NoticeShown } from "../api/schema";
import { ago } from "../format/format";
import { reveal } from "../text/Untrusted";

const LOOKS: Record<string, { icon: LucideIcon; word: string; colour: string }> = {
  attention: { icon: Hand, word: "Waits for you", colour: "text-attention" },
  failure: { icon: OctagonX, word: "Failed", colour: "text-failed" },
  success: { icon: CircleCheck, word: "Done", colour: "text-succeeded" },
  info: { icon: Info, word: "News", colour: "text-text-3" },
};

export function Notice({ notice, onOpen }: { notice: NoticeShown; onOpen: (notice: NoticeShown) => void }) {
  const { icon: Icon, word, colour } = LOOKS[notice.severity] ?? LOOKS.info!;
  const inside = (
    <>
      <Icon role="img" aria-label={word} size={16} strokeWidth={1.75} className={clsx("mt-0.5 shrink-0", colour)} />
      <span className="min-w-0 flex-1 text-left">
        <span className={clsx("block [overflow-wrap:anywhere] text-text", !notice.read && "font-[550]")}>{reveal(notice.title)}</span>
        {notice.detail && <span className="line-clamp-2 text-xs text-text-3 [overflow-wrap:anywhere]">{reveal(notice.detail)}</span>}
      </span>
      <span data-varies className="nums shrink-0 text-xs text-text-3" title={notice.happened_at}>{ago(notice.happened_at)}</span>
      <span className="mt-1.5 size-2 shrink-0">{!notice.read && <span role="img" aria-label="Unread" className="block size-2 rounded-full bg-accent" />}</span>
    </>
  );
  const look = "flex w-full items-start gap-2.5 px-4 py-2 hover:bg-hover max-md:py-3";
  return (
    <li className="border-t border-border first:border-t-0">
      {notice.path
        ? <Link href={notice.path} prefetch={false} onClick={() => onOpen(notice)} className={look}>{inside}</Link>
        : <button type="button" onClick={() => onOpen(notice)} className={look}>{inside}</button>}
    </li>
  );
}
