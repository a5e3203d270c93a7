/** What somebody typed of a policy, as the API takes it. */
import type { ComparisonMake } from "@/kit/api/schema";

export type Policy = ComparisonMake["policy"];

/** "relevant=0.1, latency_ms=30%" -> guardrails; a percent sign is a share of the baseline's mean. Throws in words. */
export function readGuardrails(text: string): Policy["guardrails"] {
  return text.split(/[,\n]+/).map((each) => each.trim()).filter(Boolean).map((each) => {
    const found = /^([\w.-]+)\s*=\s*([\d.]+)\s*(%?)$/.exec(each);
    const value = Number(found?.[2]);
    if (!found || !Number.isFinite(value)) throw new Error(`“${each}”: write a measure and its margin, as in relevant=0.1 or latency_ms=30%`);
    return found[3] ? { measure: found[1]!, margin_ratio: value / 100 } : { measure: found[1]!, margin: value };
  });
}

/** "small=bundled/brief, big=x" -> which aliases stand for what. Throws in words. */
export function readPins(text: string): Record<string, string> {
  return Object.fromEntries(text.split(/[,\n]+/).map((each) => each.trim()).filter(Boolean).map((each) => {
    const at = each.indexOf("=");
    if (at < 1 || at === each.length - 1) throw new Error(`“${each}”: write alias=model, as in small=bundled/brief`);
    return [each.slice(0, at).trim(), each.slice(at + 1).trim()];
  }));
}
