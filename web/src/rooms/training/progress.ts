/** What a training says of itself while it runs, and what it looked at before: fields the document leaves open. */

export interface Progress {
  phase?: string; step?: number; steps?: number; loss?: number; margin?: number; accuracy?: number; tokens_per_s?: number; eta_s?: number; rss_bytes?: number;
}

interface BatchPair { pair_hash: string; prompt: string; chosen: string; rejected: string; prompt_tokens: number; chosen_tokens: number; rejected_tokens: number }

export interface Preflight {
  pairs: number; held_out: number; steps: number; tokens: number; longest_pair_tokens: number; parameters: number; dtype: string;
  memory_bytes: number; memory_free_bytes?: number; seconds: number; first_batch: BatchPair[]; warnings: (string | { words?: string })[];
}

export function progressOf(progress: unknown): Progress {
  return (progress ?? {}) as Progress;
}

export function preflightOf(preflight: unknown): Preflight | null {
  return preflight ? (preflight as Preflight) : null;
}

/** 1.6 GB */
export function bytes(value: number | null | undefined): string {
  if (value == null) return "–";
  return value >= 1e9 ? `${(value / 1e9).toFixed(1)} GB` : `${(value / 1e6).toFixed(1)} MB`;
}
