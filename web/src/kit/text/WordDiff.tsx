/** What changed between two texts, word by word: inserted = ground and underline, deleted = ground and strike. */
import { type Change, diffWordsWithSpace } from "diff";
import { memo } from "react";

import { reveal, Untrusted } from "./Untrusted";

/** Texts that share less than this are two texts, and not one that was changed: marks would hide them. */
const SHARED_RATIO = 0.35;
/** Past this many characters in all a word diff takes longer than a frame; both texts are shown instead. */
const LONGEST = 40_000;

export const WordDiff = memo(function WordDiff({ before, after, className, only }: {
  before: string; after: string; className?: string;
  /** Show one side of it: what stands in the one text, with its part of the changes marked. */ only?: "before" | "after";
}) {
  const parts = before.length + after.length > LONGEST ? null : diffWordsWithSpace(before, after, { maxEditLength: 4000 });
  if (only && !related(parts)) return <Untrusted text={only === "before" ? before : after} {...(className && { className })} />;
  const shown = parts ?? [{ removed: true, added: false, value: before }, { removed: false, added: true, value: after }];
  return (
    <div dir="auto" className={`whitespace-pre-wrap [overflow-wrap:anywhere] ${className ?? ""}`}>
      {shown.filter((part) => !(only === "before" && part.added) && !(only === "after" && part.removed)).map((part, at) =>
        part.added ? <ins key={at} className="rounded-[3px] bg-ins-soft text-text decoration-succeeded">{reveal(part.value)}</ins>
        : part.removed ? <del key={at} className="rounded-[3px] bg-del-soft text-text decoration-failed">{reveal(part.value)}</del>
        : <span key={at}>{reveal(part.value)}</span>)}
    </div>
  );
});

function related(parts: Change[] | null | undefined): boolean {
  if (!parts) return false;
  const count = (of: Change[]) => of.reduce((sum, part) => sum + part.value.length, 0);
  const shared = count(parts.filter((part) => !part.added && !part.removed));
  return shared >= SHARED_RATIO * Math.max(1, count(parts) - Math.min(count(parts.filter((part) => part.added)), count(parts.filter((part) => part.removed))));
}
