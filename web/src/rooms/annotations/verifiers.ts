/** What a verifier takes, as a form begins with it. Pure. */
import type { VerifierShown } from "@/kit/api/schema";

interface Parameter { description?: string; "x-per-subject"?: string }
interface Parameters { properties?: Record<string, Parameter>; required?: string[]; examples?: Record<string, unknown>[] }

const read = (verifier: VerifierShown) => verifier.parameters as Parameters;

/** The parameter that each answer's own prompt fills best; none for most. */
export function promptOf(verifier: VerifierShown): string {
  return Object.entries(read(verifier).properties ?? {}).find(([, each]) => each["x-per-subject"] === "prompt")?.[0] ?? "";
}

/** The example of the server without what each answer fills itself, as text to be changed. */
export function beginOf(verifier: VerifierShown): string {
  const filled = promptOf(verifier);
  return JSON.stringify(Object.fromEntries(Object.entries(read(verifier).examples?.[0] ?? {}).filter(([name]) => name !== filled)));
}

/** Name, whether it must be given, and meaning of each parameter. */
export function takesOf(verifier: VerifierShown): { name: string; needed: boolean; about: string }[] {
  const { properties = {}, required = [] } = read(verifier);
  return Object.entries(properties).map(([name, { description = "" }]) => ({ name, needed: required.includes(name), about: description }));
}

/** Read parameters; null: it is no JSON object. */
export function parsed(text: string): Record<string, unknown> | null {
  try {
    const found: unknown = JSON.parse(text);
    return typeof found === "object" && found !== null && !Array.isArray(found) ? (found as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
