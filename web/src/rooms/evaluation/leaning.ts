/** What a judging found, in counts: fields that the document leaves open. Pure. */
import type { JudgingShown } from "@/kit/api/schema";

import type { Said } from "./pairing";

type Found = Pick<JudgingShown, "found" | "bias">;

/** How often the candidate was preferred, the baseline, neither; and how often nothing could be read. */
export function tallyOf({ found }: Found): { better: number; worse: number; neither: number; unread: number } {
  const said = Object.values(found as Record<string, Said>).map(({ preference }) => preference);
  const count = (wanted: number | null) => said.filter((each) => each === wanted).length;
  return { better: count(1), worse: count(-1), neither: count(0), unread: count(null) };
}

/** The share of pairs in which both orders agree; null: none was asked about both ways. */
export function leaningOf({ bias }: Found): number | null {
  return (bias as { consistent_ratio?: number | null }).consistent_ratio ?? null;
}
