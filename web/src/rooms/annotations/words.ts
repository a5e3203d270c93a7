/** Small words about answers and kinds of judgement. */
import type { AnnotationKind, ItemShown } from "@/kit/api/schema";

import { textOf } from "./draft";

export const KINDS: Record<AnnotationKind, { word: string; says: string }> = {
  choice: { word: "Choice", says: "which of two answers is better" },
  ranking: { word: "Ranking", says: "several answers, the best first" },
  rating: { word: "Rating", says: "a score from 1 to 9" },
  thumbs: { word: "Thumbs", says: "good or not" },
  labels: { word: "Labels", says: "words that apply" },
  correction: { word: "Correction", says: "the answer as it should have been" },
  verdict: { word: "Verdict", says: "what a check found" },
};

export interface Message { role: string; text: string }

/** The messages that an item's answers share. */
export function promptOf(item: ItemShown): Message[] {
  return (item.subjects[0]?.prompt ?? []).map((message) => ({ role: String(message.role ?? "message"), text: textOf(message) }));
}

/** What was asked: the user's last message. */
export function askedOf(messages: Message[]): string {
  return messages.findLast((message) => message.role === "user")?.text ?? messages.at(-1)?.text ?? "";
}

export function answerOf(item: ItemShown, interactionId: string): string {
  return textOf(item.subjects.find((subject) => subject.interaction_id === interactionId)?.answer);
}

export function countWords(text: string): { words: number; sentences: number } {
  const words = text.trim() === "" ? 0 : text.trim().split(/\s+/).length;
  return { words, sentences: words === 0 ? 0 : Math.max(1, (text.match(/[.!?。！？]+(?=\s|$)/g) ?? []).length) };
}

/** 278 -> "4:38" */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** How many an hour, over the last twenty; null: too few to tell. A pause of five minutes is no work. */
export function paceOf(spentMs: readonly number[]): number | null {
  const last = spentMs.slice(-20).map((each) => Math.min(each, 300_000));
  const sum = last.reduce((total, each) => total + each, 0);
  return last.length < 3 || sum <= 0 ? null : Math.round((last.length * 3_600_000) / sum);
}
