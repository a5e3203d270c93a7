/** What the form of a schedule says, as the API takes it; or which field cannot be read. */
import type { SchedulableShown, ScheduleChange, ScheduleShown } from "@/kit/api/schema";

export type Body = ScheduleChange;
export type When = Pick<Body, "timing" | "starts_at" | "ends_at" | "jitter_s">;

export interface Filled {
  name: string;
  task: string;
  given: string;
  kind: "cron" | "every" | "once";
  cron: string;
  zone: string;
  amount: string;
  unit: Unit;
  at: string;
  overlap: Body["overlap"];
  catchUp: Body["catch_up"];
  jitterMin: string;
}

type Unit = "1" | "60" | "3600" | "86400";
type Field = "given" | "at" | "amount" | "jitter";
type Read = { body: Body; wrong: null } | { body: null; wrong: { field: Field; words: string } };

/** The body; what the form does not ask stays as it is in the schedule that is changed. */
export function readForm(filled: Filled, was?: ScheduleShown): Read {
  let given: unknown;
  try { given = JSON.parse(filled.given || "{}"); } catch (error) { return no("given", `This is no JSON: ${(error as Error).message}`); }
  if (typeof given !== "object" || given === null || Array.isArray(given)) return no("given", "Arguments are an object: {\"name\": value}");
  const timing = readTiming(filled);
  if (typeof timing === "string") return no(filled.kind === "once" ? "at" : "amount", timing);
  const jitter_s = Number((Number(filled.jitterMin) * 60).toFixed(3)); // a third of a minute is 20 s, not 19.999...
  if (!(jitter_s >= 0 && Number.isInteger(jitter_s))) return no("jitter", "Minutes, or nothing");
  const asked = { task: filled.task, arguments: given, timing, jitter_s, overlap: filled.overlap, catch_up: filled.catchUp };
  return { body: { ...(was && unasked(was)), ...asked } as Body, wrong: null };
}

function unasked({ description, starts_at, ends_at, catch_up_limit, grace_s, paused }: ScheduleShown) {
  return { description, starts_at, ends_at, catch_up_limit, grace_s, paused };
}

/** What the next five times follow from: a schedule's interval counts on from when it was made. */
export function whenOf({ timing, starts_at, ends_at, jitter_s }: Body, was?: ScheduleShown): When {
  return { timing, starts_at: starts_at ?? (was && timing.kind === "every" ? was.created_at : null), ends_at: ends_at ?? null, jitter_s };
}

/** The form of a schedule that is there; of the ways it does not tick, what a new one's form begins with. */
export function filledFrom({ name, task, arguments: given, timing, overlap, catch_up, jitter_s }: ScheduleShown): Filled {
  const base: Filled = { ...freshTimes(), name, task, given: JSON.stringify(given, null, 2), kind: timing.kind, overlap, catchUp: catch_up, jitterMin: jitter_s > 0 ? String(jitter_s / 60) : "" };
  if (timing.kind === "cron") return { ...base, cron: timing.cron, zone: timing.timezone };
  if (timing.kind === "once") return { ...base, at: onThisClock(timing.at) };
  const unit = (["86400", "3600", "60", "1"] as const).find((each) => timing.every_s % Number(each) === 0)!;
  return { ...base, amount: String(timing.every_s / Number(unit)), unit };
}

/** Times to begin with: at night, on this clock. */
export function freshTimes() {
  return { cron: "30 2 * * *", zone: Intl.DateTimeFormat().resolvedOptions().timeZone, amount: "6", unit: "3600" as Unit, at: "" };
}

/** A moment as `datetime-local` takes it; seconds only where there are some. */
function onThisClock(at: string): string {
  const moment = new Date(at);
  const local = new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000).toISOString();
  return local.slice(0, moment.getUTCSeconds() > 0 ? 19 : 16);
}

function readTiming({ kind, cron, zone, amount, unit, at }: Filled): Body["timing"] | string {
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
