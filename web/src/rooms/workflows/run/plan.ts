/** A workflow's steps as a run meets them: step keys taken apart, and what comes next. Pure. */

export interface Segment { name: string; kind: "step" | "round" | "candidate" | "call" | "tool"; index: number }
export interface PlanStep {
  name: string; kind: "agent" | "tool" | "verify" | "best_of" | "loop"; who: string;
  children: PlanStep[]; maxRounds?: number; until?: string; n?: number;
}
export interface Upcoming { key: string; kind: "model" | "tool" | "verify"; name: string }

const PART = /^([a-z][a-z0-9_]*)(?:\[(\d+)\]|\{(\d+)\})?$/;

/** `rounds[2]/execute/call[0]` -> its parts. */
export function parseKey(key: string): Segment[] {
  return key.split("/").map((part) => {
    const match = PART.exec(part);
    if (!match) return { name: part, kind: "step", index: 0 };
    const [, name, bracket, brace] = match as unknown as [string, string, string?, string?];
    if (brace !== undefined) return { name, kind: "candidate", index: Number(brace) };
    if (bracket === undefined) return { name, kind: "step", index: 0 };
    return { name, kind: name === "call" || name === "tool" ? name : "round", index: Number(bracket) };
  });
}

/** The place of a step in the definition: names without rounds, candidates and calls. */
export function placeOf(key: string): string {
  return parseKey(key).filter((part) => part.kind !== "call" && part.kind !== "tool").map((part) => part.name).join("/");
}

interface RawStep {
  name?: unknown; agent?: unknown; tool?: unknown; verify?: unknown; steps?: unknown;
  loop?: { max_rounds?: number; until?: string | null }; best_of?: { n?: number };
}

/** Read the steps of a workflow's canonical content, or of a file that is being written: what is no step is left out. */
export function planOf(content: Record<string, unknown> | null | undefined): PlanStep[] {
  return readSteps(content?.steps);
}

function readSteps(raw: unknown): PlanStep[] {
  if (!Array.isArray(raw)) return [];
  return raw.flatMap((each: RawStep | null): PlanStep[] => {
    if (typeof each !== "object" || each === null || typeof each.name !== "string") return [];
    const { name } = each;
    if (each.loop) return [{ name, kind: "loop", who: name, children: readSteps(each.steps), maxRounds: each.loop.max_rounds, until: each.loop.until ?? undefined }];
    if (each.best_of) return [{ name, kind: "best_of", who: name, children: readSteps(each.steps), n: each.best_of.n }];
    for (const kind of ["agent", "tool", "verify"] as const) {
      if (typeof each[kind] === "string") return [{ name, kind, who: each[kind], children: [] }];
    }
    return [];
  });
}

/**
 * What a run does next, as far as its definition says for certain: the rest of the innermost list of steps.
 * `continues`: the last turn's agent is not done (it asked for a tool, or a tool has just answered it).
 */
export function upcoming(plan: PlanStep[], lastKey: string | null, continues: "call" | "tool" | null): Upcoming[] {
  if (lastKey === null) return entering(plan, "");
  const parts = parseKey(lastKey);
  const turn = parts.at(-1)!;
  const steps = turn.kind === "call" || turn.kind === "tool" ? parts.slice(0, -1) : parts;
  const prefix = steps.slice(0, -1).map(written).join("");
  let list = plan;
  for (const part of steps.slice(0, -1)) list = list.find((step) => step.name === part.name)?.children ?? [];
  const at = list.findIndex((step) => step.name === steps.at(-1)!.name);
  if (at < 0) return [];
  const rest = entering(list.slice(at + 1), prefix);
  if (continues === null) return rest;
  const same = { key: `${prefix}${list[at]!.name}/${continues}[${next(turn, continues)}]`, kind: continues === "call" ? "model" as const : "tool" as const, name: continues === "call" ? list[at]!.who : "tool" };
  return [same, ...rest];
}

function next(turn: Segment, continues: "call" | "tool"): number {
  return turn.kind === continues ? turn.index + 1 : turn.index + (continues === "call" ? 1 : 0);
}

function written(part: Segment): string {
  return part.kind === "round" ? `${part.name}[${part.index}]/` : part.kind === "candidate" ? `${part.name}{${part.index}}/` : `${part.name}/`;
}

function entering(steps: PlanStep[], prefix: string): Upcoming[] {
  const found: Upcoming[] = [];
  for (const step of steps) {
    if (step.kind === "loop") return [...found, ...entering(step.children, `${prefix}${step.name}[0]/`)];
    if (step.kind === "best_of") return [...found, ...entering(step.children, `${prefix}${step.name}{0}/`)];
    found.push(step.kind === "agent"
      ? { key: `${prefix}${step.name}/call[0]`, kind: "model", name: step.who }
      : { key: `${prefix}${step.name}`, kind: step.kind, name: step.who });
  }
  return found;
}

/** Entries by a key, in their order. (Map.groupBy asks for newer browsers than we do.) */
export function grouped<T, K>(all: Iterable<T>, keyOf: (one: T) => K): Map<K, T[]> {
  const found = new Map<K, T[]>();
  for (const one of all) {
    const key = keyOf(one);
    const group = found.get(key);
    if (group) group.push(one);
    else found.set(key, [one]);
  }
  return found;
}
