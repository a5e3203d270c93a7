/** What could stand at the caret: the names of filters, or the values of the one that is being written. */
import { type FilterField, parseFilter, type Sign, writeToken } from "./parse";

export interface Suggestion { insert: string; label: string; about?: string | undefined; count?: number | undefined; /** The token is whole then. */ whole: boolean }
export interface Value { value: string; about?: string | undefined; count?: number | undefined }
export interface Suggested { start: number; end: number; list: Suggestion[] }

const MOST = 10;

/** Return what to offer at the caret and which part of the text it would replace. */
export function suggest(source: string, caret: number, fields: readonly FilterField[], values: Record<string, readonly Value[]>): Suggested {
  const token = parseFilter(source, fields, "text").tokens.find((each) => each.start <= caret && caret <= each.end);
  const field = token && token.name !== null && caret >= token.valueStart ? fields.find((each) => each.name === token.name) : undefined;
  if (token && field) {
    const typed = token.value.toLowerCase();
    const known: readonly Value[] = values[field.name] ?? field.values?.map((value) => ({ value })) ?? (field.kind === "flag" ? [{ value: "yes" }, { value: "no" }] : field.kind === "time" ? [{ value: "1h" }, { value: "24h" }, { value: "7d" }] : []);
    const list = known.filter(({ value, about }) => `${value} ${about ?? ""}`.toLowerCase().includes(typed) && value !== token.value).slice(0, MOST)
      .map(({ value, about, count }) => ({ insert: writeToken(field.name, value, token.sign, token.not), label: about ?? value, about: about ? value : undefined, count, whole: true }));
    return { start: token.start, end: token.end, list };
  }
  const begun = source.slice(token?.start ?? caret, caret).toLowerCase(), not = begun.startsWith("-");
  const typed = not ? begun.slice(1) : begun;
  if (typed.startsWith('"')) return { start: caret, end: caret, list: [] };
  const used = parseFilter(source, fields, "text").params;
  const list = fields.flatMap((each) => Object.entries(each.signs ?? { ":": each.name }).map(([sign, param]) => ({ each, sign: sign as Sign, param })))
    .filter(({ each, param }) => each.name.startsWith(typed) && (each.many || (!not && !(param in used))))
    .map(({ each, sign }) => ({ insert: `${not ? "-" : ""}${each.name}${sign}`, label: `${not ? "-" : ""}${each.name}${sign}`, about: not ? `Not: ${each.about.toLowerCase()}` : each.about, whole: false }));
  return { start: token?.start ?? caret, end: token?.end ?? caret, list };
}

/** Return the text with a suggestion taken, and where the caret stands then. */
export function take(source: string, { start, end }: Suggested, { insert, whole }: Suggestion): { text: string; caret: number } {
  const before = source.slice(0, start), after = source.slice(end);
  const added = whole && !/^\s/.test(after) ? `${insert} ` : insert;
  return { text: before + added + after, caret: before.length + added.length };
}
