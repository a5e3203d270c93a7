/** A chat message's words and wishes, whatever form they have on the wire. Pure. */
export interface Wish { name: string; args: string }

export function textOf(message: Record<string, unknown> | null | undefined): string {
  const content = message?.content;
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content.map((part: { text?: unknown; type?: unknown }) => (typeof part.text === "string" ? part.text : `[${String(part.type)}]`)).join("\n");
}

export function wishesOf(message: Record<string, unknown> | null | undefined): Wish[] {
  if (!Array.isArray(message?.tool_calls)) return [];
  return message.tool_calls.map((call: { function?: { name?: unknown; arguments?: unknown } }) => ({ name: String(call.function?.name ?? "tool"), args: shown(call.function?.arguments) }));
}

/** A value as people read it: text as it is, the rest as JSON. */
export function shown(value: unknown): string {
  if (typeof value === "string") return value;
  return value === undefined || value === null ? "" : JSON.stringify(value, null, 2);
}

export function words(text: string): number {
  return text.split(/\s+/).filter(Boolean).length;
}

/** What was asked for, in one line: the goal, or whatever the first input is. */
export function goalOf(input: Record<string, unknown>, workflow: string): string {
  const text = shown(input.goal ?? Object.values(input).find((value) => typeof value === "string") ?? "");
  return text.replace(/\s+/g, " ").trim() || workflow;
}
