/**
 * The language of filters: `name:value`, `name>9`, `"several words"` or a word, joined by spaces; all must hold.
 * Where a field takes many, the same name again is an alternative, and `-name:value` is what must not be so.
 * The text is the one state: the bar, facets and the histogram edit it by the functions below.
 */

export interface FilterField {
  name: string;
  /** One line for the list of suggestions. */
  about: string;
  /** What its values are; a flag is `yes` or `no`, a time ISO or an age like `2h`. */
  kind: "word" | "flag" | "time" | "number";
  /** How it may be compared; the value goes to the parameter of that sign. */
  signs?: Partial<Record<Sign, string>>;
  /** The only values there are. */
  values?: readonly string[];
  /** May be there several times, and led by a minus. */
  many?: boolean;
}

export type Sign = ":" | ">" | "<";
/** Which values of which parameters: written `param:value`, as the API's lists take them. */
export interface Lists { one_of?: string[]; none_of?: string[] }
export interface Token { start: number; end: number; not: boolean; name: string | null; sign: Sign; value: string; valueStart: number }
export interface FilterError { start: number; end: number; text: string }
export interface Parsed { tokens: Token[]; params: Record<string, string>; lists: Lists; error: FilterError | null }

const TOKEN = /(?:(-?)([A-Za-z_]+)([:<>]))?(?:"((?:[^"\\]|\\.)*)("?)|([^\s"]*))/y;
const AGE = /^(\d+(?:\.\d+)?)(s|m|h|d)$/;
const AGE_S = { s: 1, m: 60, h: 3600, d: 86_400 } as const;
const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m)?$/;

/** Take the text apart; the first mistake is told with its place. `text` is the parameter of free words. */
export function parseFilter(source: string, fields: readonly FilterField[], text: string, now = Date.now()): Parsed {
  const tokens: Token[] = [], params: Record<string, string> = {};
  let error: FilterError | null = null;
  const wrong = (start: number, end: number, say: string) => { error ??= { start, end, text: `Character ${start + 1}: ${say}` }; };
  const words: string[] = [], lists: Lists = {};
  for (const token of scan(source, wrong)) {
    tokens.push(token);
    if (token.name === null) {
      words.push(token.value);
      continue;
    }
    const field = fields.find((each) => each.name === token.name);
    if (!field) {
      wrong(token.start, token.valueStart, `there is no filter “${token.name}”. Put it in quotes to look for the words.`);
      continue;
    }
    const param = (field.signs ?? { ":": field.name })[token.sign];
    if (!param) {
      wrong(token.valueStart - 1, token.valueStart, `“${field.name}” is written with ${Object.keys(field.signs ?? { ":": 1 }).join(" or ")}`);
      continue;
    }
    const read = readValue(field, token.value, now);
    if ("say" in read) wrong(token.valueStart, Math.max(token.end, token.valueStart + 1), read.say);
    else if (token.not && field.many) (lists.none_of ??= []).push(`${param}:${read.value}`);
    else if (token.not) wrong(token.start, token.start + 1, `“${field.name}” cannot be turned round`);
    else if (field.many && (param in params || lists.one_of?.some((each) => each.startsWith(`${param}:`)))) {
      (lists.one_of ??= []).push(...(param in params ? [`${param}:${params[param]}`] : []), `${param}:${read.value}`);
      delete params[param];
    } else if (param in params) wrong(token.start, token.end, `“${field.name}” is there twice; all must hold`);
    else params[param] = read.value;
  }
  if (words.length > 0) params[text] = words.join(" ");
  return { tokens, params, lists, error };
}

function* scan(source: string, wrong: (start: number, end: number, say: string) => void): Generator<Token> {
  let at = 0;
  while (at < source.length) {
    if (/\s/.test(source[at]!)) { at += 1; continue; }
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(source)!;
    const [whole, minus, name, sign, quoted, close, bare] = found;
    if (whole.length === 0) { wrong(at, at + 1, "a quote is missing"); return; }
    const valueStart = at + (name === undefined ? 0 : minus!.length + name.length + 1);
    if (quoted !== undefined && close !== '"') wrong(valueStart, at + whole.length, "the quote does not end");
    const value = quoted !== undefined ? quoted.replace(/\\(.)/g, "$1") : bare ?? "";
    yield { start: at, end: at + whole.length, not: minus === "-", name: name ?? null, sign: (sign ?? ":") as Sign, value, valueStart };
    at += whole.length;
  }
}

function readValue(field: FilterField, value: string, now: number): { value: string } | { say: string } {
  if (value === "") return { say: `“${field.name}” needs a value` };
  if (field.kind === "flag") return value === "yes" || value === "no" ? { value: String(value === "yes") } : { say: `“${value}” is neither yes nor no` };
  if (field.kind === "number") {
    const found = DURATION.exec(value);
    if (!found) return { say: `“${value}” is no number. Write 800 or 2s.` };
    return { value: String(Number(found[1]) * (found[2] === "s" ? 1000 : found[2] === "m" ? 60_000 : 1)) };
  }
  if (field.kind === "time") {
    const age = AGE.exec(value);
    const at = age ? now - Number(age[1]) * AGE_S[age[2] as keyof typeof AGE_S] * 1000 : Date.parse(value);
    return Number.isNaN(at) ? { say: `“${value}” is no time. Write 2h or 2026-11-25T09:30.` } : { value: new Date(at).toISOString() };
  }
  if (field.values && !field.values.includes(value)) return { say: `“${value}” is none of ${field.values.join(", ")}` };
  return { value };
}

/** Write one token, with quotes where it needs them. */
export function writeToken(name: string | null, value: string, sign: Sign = ":", not = false): string {
  const plain = value !== "" && !/[\s"\\]/.test(value) && (name !== null || !/^-?[A-Za-z_]+[:<>]/.test(value));
  const shown = plain ? value : `"${value.replace(/["\\]/g, "\\$&")}"`;
  return name === null ? shown : `${not ? "-" : ""}${name}${sign}${shown}`;
}

/** Write parameters as the text that gives them; what no field knows is left out. `text` is the parameter of free words. */
export function writeFilter(params: Record<string, unknown>, fields: readonly FilterField[], text: string): string {
  const tokens = fields.flatMap(({ name, kind, signs }) => Object.entries(signs ?? { ":": name }).flatMap(([sign, param]) => {
    const value = params[param];
    if (value === null || value === undefined) return [];
    return [writeToken(name, kind === "flag" ? (value ? "yes" : "no") : String(value), sign as Sign)];
  }));
  const lists = (["one_of", "none_of"] as const).flatMap((list) => ((params[list] ?? []) as string[]).flatMap((each) => {
    const colon = each.indexOf(":"), field = fields.find(({ name, signs }) => (signs ?? { ":": name })[":"] === each.slice(0, colon));
    return field ? [writeToken(field.name, each.slice(colon + 1), ":", list === "none_of")] : [];
  }));
  const words = params[text];
  return [...tokens, ...lists, ...(typeof words === "string" && words !== "" ? [writeToken(null, words)] : [])].join(" ");
}

/** Return the text with this filter set to a value in place of all it was, or without it for null. */
export function withFilter(source: string, name: string, value: string | null, sign: Sign = ":"): string {
  return edited(source, (token) => token.name === name && token.sign === sign, value === null ? null : writeToken(name, value, sign));
}

/** Return the text with one value of a filter wanted, refused, or (null) not spoken of; the others stay. */
export function withValue(source: string, name: string, value: string, how: "is" | "not" | null): string {
  return edited(source, (token) => token.name === name && token.sign === ":" && token.value === value, how === null ? null : writeToken(name, value, ":", how === "not"));
}

function edited(source: string, is: (token: Token) => boolean, put: string | null): string {
  const tokens = [...scan(source, () => undefined)];
  const kept = tokens.filter((token) => !is(token)).map((token) => source.slice(token.start, token.end));
  const at = tokens.findIndex(is);
  if (put !== null) kept.splice(at < 0 ? kept.length : at, 0, put);
  return kept.join(" ");
}

/** Return the values of a filter as they stand in the text: those that are wanted, and those that are refused. */
export function filterValues(source: string, name: string): { is: string[]; not: string[] } {
  const tokens = [...scan(source, () => undefined)].filter((token) => token.name === name && token.sign === ":");
  return { is: tokens.filter((token) => !token.not).map((token) => token.value), not: tokens.filter((token) => token.not).map((token) => token.value) };
}
