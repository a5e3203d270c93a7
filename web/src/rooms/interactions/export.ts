/** Taking turns out of the log, as JSON lines or as a table that no spreadsheet takes for formulas. */
import { ApiError } from "@/kit/api/client";
import { readKey } from "@/kit/api/key";
import type { InteractionShown } from "@/kit/api/schema";

import type { Filter } from "./fields";
import { readTurn } from "./queries";

export type Format = "jsonl" | "csv";

const COLUMNS = ["id", "created_at", "agent_id", "alias", "model_version_id", "adapter_version_id", "run_id", "step_key", "purpose", "session",
  "prompt_tokens", "completion_tokens", "total_ms", "cost_usd_micros", "finish_reason", "error_code"] as const;
const FORMULA = /^[=+\-@\t\r]/;
const AT_ONCE = 4;

/** Return one cell: quoted where needed, and text that begins like a formula led by an apostrophe. */
export function csvCell(value: unknown): string {
  if (value === null || value === undefined) return "";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const safe = typeof value === "string" && FORMULA.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
}

/** Return the text of a message, or its parts as JSON. */
export function textOf(message: Record<string, unknown> | null | undefined): string {
  const content = message?.content;
  return typeof content === "string" ? content : content === null || content === undefined ? "" : JSON.stringify(content);
}

export function csvHead(): string {
  return [...COLUMNS, "prompt", "answer"].join(",") + "\r\n";
}

export function csvLine(turn: Partial<InteractionShown>): string {
  const asked = turn.messages?.findLast((message) => message.role === "user");
  return [...COLUMNS.map((name) => csvCell(turn[name])), csvCell(textOf(asked)), csvCell(textOf(turn.answer))].join(",") + "\r\n";
}

/** Save chosen turns, whole. */
export async function exportTurns(ids: readonly string[], format: Format): Promise<void> {
  const turns: InteractionShown[] = new Array(ids.length);
  let next = 0;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (let at = next++; at < ids.length; at = next++) turns[at] = await readTurn(ids[at]!);
  }));
  const parts = format === "csv" ? [csvHead(), ...turns.map(csvLine)] : turns.map((turn) => `${JSON.stringify(turn)}\n`);
  save(parts, format);
}

/** Save every turn by filter: the server's stream of lines, made a table on the way where that is wanted. */
export async function exportFilter(filter: Filter, format: Format): Promise<void> {
  const response = await fetch(`/api/v1/interactions/export?${inQuery(filter)}`, { headers: { Authorization: `Bearer ${readKey() ?? ""}` } });
  if (!response.ok || !response.body) throw new ApiError(response.status, await response.json());
  if (format === "jsonl") return save([await response.blob()], format);
  const parts = [csvHead()];
  let rest = "";
  for (const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();;) {
    const { value, done } = await reader.read();
    if (done) break;
    const lines = (rest + value).split("\n");
    rest = lines.pop()!;
    parts.push(...lines.map((line) => csvLine(JSON.parse(line) as InteractionShown)));
  }
  save(parts, format);
}

/** A list is its name several times. */
function inQuery(filter: Filter): string {
  return new URLSearchParams(Object.entries(filter).flatMap(([name, value]) => [value].flat().map((each) => [name, each]))).toString();
}

function save(parts: BlobPart[], format: Format): void {
  const type = format === "csv" ? "text/csv;charset=utf-8" : "application/x-ndjson";
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(new Blob(format === "csv" ? ["\ufeff", ...parts] : parts, { type })), download: `turns.${format}` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
