/** Both answers to each case side by side, and what became of each. Pure. */
import type { CaseShown } from "@/kit/api/schema";

export const KINDS = ["broken", "fixed", "wrong", "kept"] as const; // in the order in which they are worth reading
export type Kind = (typeof KINDS)[number];
export const WORDS: Record<Kind, string> = { broken: "Broken", fixed: "Fixed", wrong: "Still wrong", kept: "Kept" };
/** The same where a judge saw both answers: it says which is better, and of none whether it is right. */
export const JUDGED_WORDS: Record<Kind, string> = { broken: "Worse", fixed: "Better", wrong: "Not read", kept: "No preference" };

/** From this on a score counts as right, as the gate counts (evaluation/gate.py). */
const PASSES = 0.5;

export interface Score { state: string; score: number | null; reason: string }
export interface SuiteCase { id: string; topic: string; input: Record<string, unknown>; expect: unknown }
export interface Pair { id: string; topic: string; goal: string; expect: unknown; before: CaseShown; after: CaseShown; kind: Kind; /** What a judge said who saw both. */ said?: Said | undefined }
/** 1: the candidate is better, -1: the baseline, 0: neither; null: what the judge said could not be read. */
export interface Said { preference: number | null; reason?: string }

export function scoreOf(shown: CaseShown, scorer: string): Score | null {
  return ((shown.scores as Record<string, Score>)[scorer] as Score | undefined) ?? null;
}

/** A scorer as its suite has it: a verifier counts as passed or not, unless its finer score is taken. */
export interface Scorer { name: string; description: string; take: "passed" | "score"; verify?: string | null; judge?: { model?: string; criteria?: string; sees?: string } | null; params?: unknown }

export function right(shown: CaseShown, scorer: Scorer): boolean {
  const found = scoreOf(shown, scorer.name);
  return scorer.take === "passed" && !scorer.judge ? found?.state === "passed" : (found?.score ?? 0) >= PASSES;
}

function kindOf(before: CaseShown, after: CaseShown, scorer: Scorer, said: Said | undefined): Kind {
  if (said) return said.preference === null ? "wrong" : said.preference > 0 ? "fixed" : said.preference < 0 ? "broken" : "kept";
  const [was, is] = [right(before, scorer), right(after, scorer)];
  return was ? (is ? "kept" : "broken") : is ? "fixed" : "wrong";
}

/** Join by case; a case that one side has not is left out. Broken ones first, then in the suite's order. */
export function pairUp(before: readonly CaseShown[], after: readonly CaseShown[], cases: readonly SuiteCase[], scorer: Scorer, judged: Record<string, Said> = {}): Pair[] {
  const others = new Map(after.map((each) => [each.case_id, each]));
  const asked = new Map(cases.map((each) => [each.id, each]));
  const pairs = before.flatMap((each): Pair[] => {
    const other = others.get(each.case_id);
    if (!other) return [];
    const said = judged[each.case_id];
    const found = asked.get(each.case_id);
    return [{ id: each.case_id, topic: each.topic, goal: found ? goalOf(found.input) : each.case_id, expect: found?.expect ?? null, before: each, after: other, said, kind: kindOf(each, other, scorer, said) }];
  });
  return pairs.sort((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || a.before.position - b.before.position);
}

export function counts(pairs: readonly Pair[]): Record<Kind, number> {
  const found: Record<Kind, number> = { broken: 0, fixed: 0, wrong: 0, kept: 0 };
  for (const { kind } of pairs) found[kind] += 1;
  return found;
}

/** What was asked in one text: the only input, or all of them by name. */
export function goalOf(input: Record<string, unknown>): string {
  const entries = Object.entries(input);
  if (entries.length === 1 && typeof entries[0]![1] === "string") return entries[0]![1];
  return entries.map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`).join("\n");
}

export function answerText(answer: unknown): string {
  return answer === null || answer === undefined ? "" : typeof answer === "string" ? answer : JSON.stringify(answer, null, 2);
}

/** Why a case counts as it does now: the reason of the primary scorer, or what failed. */
export function why(pair: Pair, scorer: string): string {
  return pair.after.error_detail ?? pair.said?.reason ?? scoreOf(pair.after, scorer)?.reason ?? "";
}
