/** Which key does what while judging: one table binds them and fills the sheet of `?`. Not: what is then done. */
import type { AnnotationKind } from "@/kit/api/schema";

import { type Choice, letterOf } from "./draft";

export type Action =
  | { do: "choose"; choice: Choice }
  | { do: "rate"; rating: number }
  | { do: "thumb"; up: boolean }
  | { do: "label"; at: number }
  | { do: "pick"; at: number }
  | { do: "rank"; rank: number }
  | { do: "nudge"; by: -1 | 1 }
  | { do: "reason"; at: number }
  | { do: "correct"; other: boolean }
  | { do: "browse"; by: -1 | 1 }
  | { do: "save" | "note" | "skip" | "undo" | "context" | "guide" | "extend" };

export interface Binding { keys: string[]; label: string; action: (key: string) => Action }

const DIGITS = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];
const REASONS = ["q", "w", "e", "r"];

function bind(keys: string | string[], label: string, action: Action | ((key: string) => Action)): Binding {
  return { keys: [keys].flat(), label, action: typeof action === "function" ? action : () => action };
}

function own(kind: AnnotationKind, letters: string[]): Binding[] {
  switch (kind) {
    case "choice": return [
      bind(["1", "a"], "A is better", { do: "choose", choice: "first" }),
      bind(["2", "b"], "B is better", { do: "choose", choice: "second" }),
      bind(["3", "t"], "Tie", { do: "choose", choice: "tie" }),
      bind("4", "Both bad", { do: "choose", choice: "both_bad" }),
    ];
    case "rating": return [bind(DIGITS, "Score, 9 is best", (key) => ({ do: "rate", rating: Number(key) }))];
    case "thumbs": return [bind("1", "Good", { do: "thumb", up: true }), bind("2", "Not good", { do: "thumb", up: false })];
    case "labels": return [bind(DIGITS, "A label on or off", (key) => ({ do: "label", at: Number(key) - 1 }))];
    case "ranking": return [
      bind(letters, "Pick an answer", (key) => ({ do: "pick", at: letters.indexOf(key) })),
      bind(DIGITS, "Its place; equal numbers are a tie", (key) => ({ do: "rank", rank: Number(key) })),
      bind("ArrowUp", "Move it up, half a step", { do: "nudge", by: -1 }),
      bind("ArrowDown", "Move it down, half a step", { do: "nudge", by: 1 }),
    ];
    default: return [];
  }
}

/** Return the keys of an item of this kind with so many answers; an answer's letter wins over what else it means. */
export function bindingsOf(kind: AnnotationKind, answers: number): Binding[] {
  const letters = kind === "ranking" ? Array.from({ length: answers }, (_, at) => letterOf(at).toLowerCase()).filter((each) => /^[a-z]$/.test(each)) : [];
  const shared = [
    bind("Enter", "Save and next", { do: "save" }),
    bind(REASONS, "Reasons", (key) => ({ do: "reason", at: REASONS.indexOf(key) })),
    bind("c", kind === "choice" ? "Correct the chosen answer" : "Correct the answer", { do: "correct", other: false }),
    bind("Shift+c", kind === "choice" ? "Correct the other answer" : "Correct the picked answer", { do: "correct", other: true }),
    bind("m", "Add a reason in words", { do: "note" }),
    bind("s", "Skip, with a reason", { do: "skip" }),
    bind("u", "Take the last one back", { do: "undo" }),
    bind("ArrowLeft", "Look back at what you judged", { do: "browse", by: -1 }),
    bind("ArrowRight", "Forward again", { do: "browse", by: 1 }),
    bind("o", "The whole run", { do: "context" }),
    bind("i", "Guidelines", { do: "guide" }),
    bind("x", "Keep the item longer", { do: "extend" }),
  ];
  return [...own(kind, letters), ...shared.map((each) => ({ ...each, keys: each.keys.filter((key) => !letters.includes(key)) })).filter((each) => each.keys.length > 0)];
}

/** Return what a key means, named as kit/keys names it; null: nothing here. */
export function actionOf(kind: AnnotationKind, answers: number, key: string): Action | null {
  return bindingsOf(kind, answers).find((each) => each.keys.includes(key))?.action(key) ?? null;
}
