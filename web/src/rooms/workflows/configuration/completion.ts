/** What may stand at a place in a YAML file, by its JSON Schema. Pure: no editor here. */
export type Schema = Record<string, unknown>;
export interface Offer { label: string; insert: string; about: string }
export interface Place { /** Keys from the root; "-" for an entry of a list. */ path: string[]; /** The key whose value is typed; null: a key is. */ key: string | null; typed: string; siblings: string[] }

const LINE = /^(\s*)((?:- +)*)(?:([\w-]+) *:(?: +(.*))?)?/;

/** Read the place from the lines above by their indentation; quick, and right where the file is still broken. */
export function placeAt(text: string, offset: number): Place {
  const lines = text.slice(0, offset).split("\n");
  const now = lines.at(-1)!;
  const [, space, dashes, key, value] = LINE.exec(now) as unknown as [string, string, string, string?, string?];
  const typed = key === undefined ? now.slice(space.length + dashes.length) : value ?? "";
  let column = space.length + dashes.length; // where the keys of the innermost map stand
  let dash = dashes.length > 0 ? space.length : null; // where the dash of the entry it is stands, once it is known
  const path: string[] = [];
  const siblings: string[] = [];
  for (const line of lines.slice(0, -1).reverse()) {
    const [, lead, marks, name] = LINE.exec(line) as unknown as [string, string, string, string?];
    if (name === undefined || /^\s*#/.test(line)) continue;
    const at = lead.length + marks.length;
    if (dash !== null) {
      if (at > dash) continue; // of an entry before
      path.unshift(name, "-");
    } else if (at === column) {
      if (path.length === 0) siblings.push(name);
      if (marks.length > 0) dash = lead.length;
      continue;
    } else if (at < column) path.unshift(name);
    else continue;
    column = at;
    dash = marks.length > 0 ? lead.length : null;
  }
  return { path, key: key ?? null, typed, siblings };
}

export function offers(schema: Schema, place: Place, known: Partial<Record<string, string[]>>): Offer[] {
  const here = place.path.reduce<Schema[]>((schemas, part) => schemas.flatMap((each) => into(schema, each, part)), resolved(schema, schema));
  if (place.key === null && place.path.at(-1) === "-" && known[place.path.at(-2) ?? ""]) return named(known[place.path.at(-2)!]!);
  if (place.key !== null) {
    if (known[place.key]) return named(known[place.key]!);
    return here.flatMap((each) => into(schema, each, place.key!)).flatMap(values);
  }
  const found = new Map<string, Offer>();
  for (const each of here) {
    for (const [name, field] of Object.entries((each.properties ?? {}) as Record<string, Schema>)) {
      if (!place.siblings.includes(name)) found.set(name, { label: name, insert: `${name}: `, about: String(field.description ?? "") });
    }
  }
  return [...found.values()];
}

function named(names: string[]): Offer[] {
  return names.map((name) => ({ label: name, insert: name, about: "" }));
}

/** A schema with references followed and alternatives opened. */
function resolved(root: Schema, schema: Schema): Schema[] {
  if (typeof schema.$ref === "string") {
    const target = schema.$ref.split("/").slice(1).reduce<unknown>((at, part) => (at as Schema | undefined)?.[part], root);
    return target ? resolved(root, target as Schema) : [];
  }
  const ways = (schema.anyOf ?? schema.oneOf ?? schema.allOf) as Schema[] | undefined;
  return ways ? ways.flatMap((way) => resolved(root, way)) : [schema];
}

function into(root: Schema, schema: Schema, part: string): Schema[] {
  const next = part === "-" ? schema.items : ((schema.properties as Record<string, Schema> | undefined)?.[part] ?? schema.additionalProperties);
  return typeof next === "object" && next !== null ? resolved(root, next as Schema) : [];
}

function values(schema: Schema): Offer[] {
  const all = (schema.enum ?? ("const" in schema ? [schema.const] : schema.type === "boolean" ? [true, false] : [])) as unknown[];
  return all.map((value) => ({ label: String(value), insert: String(value), about: String(schema.description ?? "") }));
}
