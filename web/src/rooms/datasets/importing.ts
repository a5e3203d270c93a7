/** A file of pairs goes up in parts, each whole lines; a part that is sent twice adds nothing. */
import { api, ApiError, idempotencyKey, unwrap } from "@/kit/api/client";
import { readKey } from "@/kit/api/key";

import type { Version } from "./queries";

const PART_LINES = 500;
const PARQUET = "PAR1"; // how such a file begins

export interface Part { text: string; at: number; firstLine: number }

/** Cut a text into parts of whole lines; empty lines count for the line number and for nothing else. */
export function* partsOf(text: string, most = PART_LINES): Generator<Part> {
  let lines: string[] = [], at = 0, firstLine = 1, number = 0;
  for (const line of text.split("\n")) {
    number += 1;
    if (lines.length === 0) firstLine = number;
    if (line.trim() === "") { if (lines.length > 0) lines.push(""); continue; }
    lines.push(line);
    if (lines.filter(Boolean).length >= most) {
      yield { text: lines.join("\n"), at, firstLine };
      at += lines.filter(Boolean).length;
      lines = [];
    }
  }
  if (lines.some(Boolean)) yield { text: lines.join("\n"), at, firstLine };
}

/** Open the next version, send the file, and freeze it. `tell` gets how many pairs have arrived. */
export async function importFile(name: string, file: File, evalRatio: number, tell: (sent: number) => void): Promise<Version> {
  if ((await file.slice(0, PARQUET.length).text()) === PARQUET) throw new Error("This is a Parquet file. It is read where it lies: camel-ext dataset import FILE.");
  const opened = await unwrap(api.POST("/api/v1/datasets/{name}/imports", { params: { path: { name } }, body: { eval_ratio: evalRatio, split_by: "topic", seed: 0 }, headers: { "Idempotency-Key": idempotencyKey() } }));
  try {
    for (const part of partsOf(await file.text())) {
      const answer = await fetch(`/api/v1/dataset-versions/${opened.id}/lines?at=${part.at}&first_line=${part.firstLine}`, {
        method: "POST", body: part.text, headers: { Authorization: `Bearer ${readKey() ?? ""}`, "Content-Type": "application/x-ndjson" },
      });
      if (!answer.ok) throw new ApiError(answer.status, await answer.json());
      tell(((await answer.json()) as Version).done);
    }
    return await unwrap(api.POST("/api/v1/dataset-versions/{version_id}/freeze", { params: { path: { version_id: opened.id } } }));
  } catch (error) {
    await api.POST("/api/v1/dataset-versions/{version_id}/cancel", { params: { path: { version_id: opened.id } } }); // nothing of a broken file is kept
    throw error;
  }
}
