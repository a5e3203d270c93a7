/** The inputs a workflow asks for: read from its definition, and from what was typed to what is sent. Pure. */
export interface InputField { name: string; type: string; description: string; fallback: unknown; required: boolean; choices: unknown[] | null }

export function fieldsOf(content: Record<string, unknown> | undefined): InputField[] {
  const inputs = (content?.inputs ?? {}) as Record<string, { type?: string; description?: string; default?: unknown; enum?: unknown[] }>;
  return Object.entries(inputs).map(([name, given]) => ({
    name, type: given.type ?? "string", description: given.description ?? "", fallback: given.default, required: !("default" in given), choices: given.enum ?? null,
  }));
}

/** What was typed -> the value to send, or what is wrong with it. Empty and optional: left out. */
export function valueOf(field: InputField, typed: string | undefined): { value?: unknown; error?: string } {
  const text = typed ?? "";
  if (field.type === "boolean") return { value: typed === undefined ? field.fallback ?? false : text === "true" };
  if (text === "") return field.required ? { error: `${field.name} is needed` } : {};
  if (field.choices) return { value: field.choices.find((choice) => String(choice) === text) };
  if (field.type === "string") return { value: text };
  if (field.type === "integer" || field.type === "number") {
    const value = Number(text);
    if (!Number.isFinite(value) || (field.type === "integer" && !Number.isInteger(value))) return { error: `${field.name} is ${field.type === "integer" ? "a whole number" : "a number"}` };
    return { value };
  }
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) === (field.type === "array") && typeof value === "object" && value !== null ? { value } : { error: `${field.name} is ${field.type === "array" ? "a JSON list: [1, 2]" : "a JSON object: {\"a\": 1}"}` };
  } catch {
    return { error: `${field.name} is not JSON yet` };
  }
}
