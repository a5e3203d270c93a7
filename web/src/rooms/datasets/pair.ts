/** Words of a pair, and of a version's numbers. Pure functions. */

/** The text of messages; of several, each with who says it. */
export function textOf(messages: readonly Record<string, unknown>[]): string {
  const said = messages.map((message) => ({ role: String(message.role ?? ""), text: contentOf(message) }));
  return said.length === 1 ? said[0]!.text : said.map(({ role, text }) => `${role}: ${text}`).join("\n");
}

function contentOf({ content, tool_calls }: Record<string, unknown>): string {
  const parts = Array.isArray(content) ? content.map((part) => (typeof part === "object" && part !== null && "text" in part ? String(part.text) : "")) : [typeof content === "string" ? content : ""];
  if (Array.isArray(tool_calls) && tool_calls.length > 0) parts.push(JSON.stringify(tool_calls, null, 2));
  return parts.filter(Boolean).join("\n");
}

/** What each rule drops, in the order that they are applied. */
const RULES: Record<string, string> = {
  min_margin: "margin too small", equal_texts: "the same text", min_chosen_score: "the better one not good enough", cut_chosen: "the better one was cut off",
  length_ratio_max: "too different in length", overlap_max: "answers too alike", strategy: "not taken by the strategy", per_prompt_max: "more than allowed of one prompt",
  exact_duplicates: "the same as another pair", near_duplicates: "nearly the same as another pair", per_source_max: "more than allowed of one run", length_balance: "would tip the balance of lengths",
};

export interface Yield { name: string; word: string; left: number; dropped: number }

interface Counts { preferences?: number; dropped?: Record<string, number> }

/** How many pairs each rule leaves, in the order that they are applied: from all preferences down to the pairs. */
export function yieldsOf(found: Counts | undefined, pairs: number): Yield[] {
  const dropped = found?.dropped ?? {};
  const order = [...Object.keys(RULES).filter((name) => name in dropped), ...Object.keys(dropped).filter((name) => !(name in RULES))];
  let left = pairs + order.reduce((sum, name) => sum + (dropped[name] ?? 0), 0);
  const rows: Yield[] = [{ name: "all", word: "one answer judged better than another", left, dropped: 0 }];
  for (const name of order) {
    left -= dropped[name] ?? 0;
    rows.push({ name, word: RULES[name] ?? name.replaceAll("_", " "), left, dropped: dropped[name] ?? 0 });
  }
  return rows;
}
