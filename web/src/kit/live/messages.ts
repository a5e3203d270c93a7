/** What comes over the feed (docs/guide/events.md), and which topics it answers to. */

export interface FeedEvent {
  event: string;
  /** Id of what changed. */
  subject: string;
  payload: Record<string, unknown>;
  trace_id: string | null;
  at: string;
}

/** A piece of a text that is being made. `offset` counts the characters up to its end. */
export interface Frame { kind: string; stream: string; subject: string; offset: number; text: string; done: boolean }

export type Message =
  | ({ type: "event"; cursor: string } & FeedEvent)
  | ({ type: "frame" } & Frame)
  | { type: "hello" | "ping" | "reset"; cursor: string }
  | { type: "error"; code: string; detail: string };

/** Tell whether one of the topics (`workflows.run`, `workflows.run:ID`, `*`) covers a name about these subjects. */
export function covers(topics: readonly string[], name: string, ...subjects: string[]): boolean {
  return topics.some((topic) => {
    const [prefix, subject] = split(topic);
    return (prefix === "*" || prefix === name || name.startsWith(`${prefix}.`)) && (subject === null || subjects.includes(subject));
  });
}

/** Return the fewest topics that ask for the same, in one order. */
export function fewest(topics: Iterable<string>): string[] {
  const all = [...new Set(topics)].sort();
  return all.filter((topic) => {
    const [prefix, subject] = split(topic);
    return !all.some((other) => other !== topic && covers([other], prefix, subject ?? "\u0000"));
  });
}

function split(topic: string): [string, string | null] {
  const colon = topic.indexOf(":");
  return colon < 0 ? [topic, null] : [topic.slice(0, colon), topic.slice(colon + 1)];
}
