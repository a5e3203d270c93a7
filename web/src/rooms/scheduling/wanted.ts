/** What the form of a new schedule says, as the API takes it; or which field cannot be read. */
import type { SchedulableShown, ScheduleCreate } from "@/kit/api/schema";

export interface Filled {
  name: string;
  task: string;
  given: string;
  kind: "cron" | "every" | "once";
  cron: string;
  zone: string;
  amount: string;
  unit: "60" | "3600" | "86400";
  at: string;
  overlap: ScheduleCreate["overlap"];
  catchUp: ScheduleCreate["catch_up"];
  jitterMin: string;
}

type Field = "given" | "at" | "amount" | "jitter";
type Read = { body: ScheduleCreate; wrong: null } | { body: null; wrong: { field: Field; words: string } };

export function readForm(filled: Filled): Read {
  let given: unknown;
  try { given = JSON.parse(filled.given || "{}"); } catch (error) { return no("given", `This is no JSON: ${(error as Error).message}`); }
  if (typeof given !== "object" || given === null || Array.isArray(given)) return no("given", "Arguments are an object: {\"name\": value}");
  const timing = readTiming(filled);
  if (typeof timing === "string") return no(filled.kind === "once" ? "at" : "amount", timing);
  const jitter_s = Number(filled.jitterMin) * 60;
  if (!(jitter_s >= 0 && Number.isInteger(jitter_s))) return no("jitter", "Minutes, or nothing");
  return { body: { name: filled.name, task: filled.task, arguments: given, timing, jitter_s, overlap: filled.overlap, catch_up: filled.catchUp } as ScheduleCreate, wrong: null };
}

function readTiming({ kind, cron, zone, amount, unit, at }: Filled): ScheduleCreate["timing"] | string {
  if (kind === "cron") return { kind, cron, timezone: zone };
  if (kind === "every") {
    const every_s = Number(amount) * Number(unit);
    return Number.isInteger(every_s) && every_s > 0 ? { kind, every_s } : "A whole number, from 1 on";
  }
  const moment = new Date(at);
  return Number.isNaN(moment.getTime()) ? "A day and a time" : { kind, at: moment.toISOString() };
}

function no(field: Field, words: string): Read {
  return { body: null, wrong: { field, words } };
}

/** Arguments to begin with: those that are needed, empty. */
export function beginning(task: SchedulableShown | undefined): string {
  const schema = (task?.arguments ?? {}) as { required?: string[]; properties?: Record<string, { type?: string }> };
  const empty = (schema.required ?? []).map((name) => [name, EMPTY[schema.properties?.[name]?.type ?? ""] ?? {}]);
  return JSON.stringify(Object.fromEntries(empty), null, 2);
}

const EMPTY: Record<string, unknown> = { string: "", integer: 0, number: 0, array: [], boolean: false };
