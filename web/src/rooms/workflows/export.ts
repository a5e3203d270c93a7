/** Runs with all their turns as JSON lines, made in the browser from what the API tells. */
import { api, unwrap } from "@/kit/api/client";

import { turnsAfter } from "./queries";

export async function exportRuns(ids: string[]): Promise<number> {
  const lines: string[] = [];
  for (const run_id of ids) {
    const run = await unwrap(api.GET("/api/v1/runs/{run_id}", { params: { path: { run_id } } }));
    lines.push(JSON.stringify({ ...run, turns: await turnsAfter(run_id, 0) }));
  }
  saveFile(`runs-${new Date().toISOString().slice(0, 10)}.jsonl`, lines.join("\n") + "\n", "application/x-ndjson");
  return lines.length;
}

/** Hand a text to the user as a file. */
export function saveFile(name: string, text: string, type: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
