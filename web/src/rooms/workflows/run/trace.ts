/** A run as a tree: rounds and candidates, turns in them, tools under the turn that called them. Pure; shared by tree, waterfall and graph. */
import type { InteractionListed, RunShown, TurnShown } from "@/kit/api/schema";

import { parseKey, type PlanStep, placeOf, upcoming } from "./plan";

type RowKind = "round" | "candidate" | "model" | "tool" | "verify" | "attempt";
export type RowState = "queued" | "running" | "waiting" | "succeeded" | "failed";

export interface TraceRow {
  key: string; kind: RowKind; parent: string | null; depth: number;
  /** Its number in the run; null for what has none: groups, failed attempts, what is to come. */
  seq: number | null;
  name: string; place: string; state: RowState; reason: string;
  promptTokens: number | null; completionTokens: number | null; costUsdMicros: number;
  /** Epoch ms; null: not begun. `firstAt`: when its first token came. `endAt` null: it goes on. */
  startAt: number | null; firstAt: number | null; endAt: number | null;
  hasChildren: boolean;
  turn: TurnShown | null; call: InteractionListed | null;
}

interface Given { run: RunShown; turns: TurnShown[]; calls: InteractionListed[]; /** Step keys of the turns whose text is being made. */ live?: string[]; plan?: PlanStep[] }

export function buildTrace({ run, turns, calls, live = [], plan = [] }: Given): TraceRow[] {
  const callOf = new Map<string, InteractionListed>();
  const attempts: InteractionListed[] = [];
  for (const call of calls) {
    if (call.error_code === null) callOf.set(call.id, call);
    else attempts.push(call);
  }
  const tree = new Tree();
  const shown = new Set<string>();
  for (const turn of turns) {
    tree.add(ofTurn(turn, turn.interaction_id ? callOf.get(turn.interaction_id) ?? null : null));
    shown.add(turn.step_key);
  }
  for (const call of attempts.reverse()) tree.add(ofAttempt(call));
  const pending = run.finished_at ? [] : pendingRows(run, turns, callOf, live, plan, shown);
  for (const row of pending) tree.add(row);
  return tree.flat();
}

function ofTurn(turn: TurnShown, call: InteractionListed | null): TraceRow {
  const endAt = Date.parse(turn.created_at);
  const startAt = endAt - turn.total_ms;
  return {
    key: turn.step_key, kind: turn.kind, parent: null, depth: 0, seq: turn.seq, name: turn.name, place: placeOf(turn.step_key),
    state: failed(turn) ? "failed" : "succeeded", reason: reasonOf(turn, call),
    promptTokens: call?.prompt_tokens ?? null, completionTokens: call?.completion_tokens ?? null, costUsdMicros: call?.cost_usd_micros ?? 0,
    startAt, firstAt: call?.ttft_ms == null ? null : startAt + call.ttft_ms, endAt, hasChildren: false, turn, call,
  };
}

function ofAttempt(call: InteractionListed): TraceRow {
  const endAt = Date.parse(call.created_at);
  const key = call.step_key ?? "";
  return {
    key: `${key}#${call.id}`, kind: "attempt", parent: null, depth: 0, seq: null, name: call.agent_id ?? "call", place: placeOf(key),
    state: "failed", reason: call.error_code ?? "", promptTokens: call.prompt_tokens, completionTokens: call.completion_tokens,
    costUsdMicros: call.cost_usd_micros, startAt: endAt - call.total_ms, firstAt: null, endAt, hasChildren: false, turn: null, call,
  };
}

const WAITS: Record<string, string> = { person: "waits for you", provider: "waits for the provider", budget: "waits for budget", pause: "paused", schedule: "scheduled" };

function pendingRows(run: RunShown, turns: TurnShown[], callOf: Map<string, InteractionListed>, live: string[], plan: PlanStep[], shown: Set<string>): TraceRow[] {
  const last = turns.at(-1);
  const call = last?.interaction_id ? callOf.get(last.interaction_id) : undefined;
  const continues = call?.finish_reason === "tool_calls" ? "tool" : last?.kind === "tool" && parseKey(last.step_key).at(-1)!.kind === "tool" ? "call" : null;
  const writing = live.filter((key) => !shown.has(key));
  const coming = upcoming(plan, last?.step_key ?? null, continues).filter((each) => !shown.has(each.key));
  const since = last ? Date.parse(last.created_at) : run.started_at ? Date.parse(run.started_at) : null;
  const first: RowState = run.state === "running" ? "running" : run.state === "waiting" ? "waiting" : "queued";
  const rows = writing.map((key) => ofNext(key, "model", nameIn(plan, key), "running", "writing", since));
  const keys = new Set(writing);
  coming.forEach((each, at) => {
    if (keys.has(each.key)) return;
    const state = at === 0 && rows.length === 0 ? first : "queued";
    rows.push(ofNext(each.key, each.kind, each.name, state, state === "waiting" ? WAITS[run.waiting_for ?? ""] ?? "" : "", state === "running" ? since : null));
  });
  return rows;
}

function ofNext(key: string, kind: RowKind, name: string, state: RowState, reason: string, startAt: number | null): TraceRow {
  return { key, kind, parent: null, depth: 0, seq: null, name, place: placeOf(key), state, reason, promptTokens: null, completionTokens: null,
    costUsdMicros: 0, startAt, firstAt: null, endAt: null, hasChildren: false, turn: null, call: null };
}

function nameIn(plan: PlanStep[], key: string): string {
  let list = plan;
  let found: PlanStep | undefined;
  for (const name of placeOf(key).split("/")) {
    found = list.find((step) => step.name === name);
    list = found?.children ?? [];
  }
  return found?.who ?? placeOf(key).split("/").at(-1)!;
}

function failed(turn: TurnShown): boolean {
  const output = turn.output as { passed?: unknown; text?: unknown; state?: unknown } | null;
  if (turn.kind === "verify") return output?.passed !== true;
  return turn.kind === "tool" && typeof output?.text === "string" && output.text.startsWith("Error:");
}

function reasonOf(turn: TurnShown, call: InteractionListed | null): string {
  if (turn.kind === "model") return oneLine(call?.answer_preview ?? "");
  const output = turn.output as { reason?: unknown; text?: unknown } | null;
  return oneLine(String((turn.kind === "verify" ? output?.reason : output?.text) ?? ""));
}

const REASON_LETTERS = 160;

function oneLine(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > REASON_LETTERS ? `${line.slice(0, REASON_LETTERS)}…` : line;
}

/** Collects rows in the order they come, under their rounds and candidates. */
class Tree {
  private readonly below = new Map<string | null, TraceRow[]>([[null, []]]);
  private readonly groups = new Map<string, TraceRow>();
  private readonly lastCall = new Map<string, string>();

  add(row: TraceRow): void {
    const parts = parseKey(row.key.split("#")[0]!);
    let parent: string | null = null;
    let path = "";
    for (const part of parts) {
      if (part.kind === "call" || part.kind === "tool") break;
      const mark: string = part.kind === "round" ? `[${part.index}]` : part.kind === "candidate" ? `{${part.index}}` : "";
      path += (path && "/") + part.name + mark;
      if (part.kind === "round" || part.kind === "candidate") parent = this.group(path, part.kind, part.index, parent);
    }
    const turn = parts.at(-1)!;
    if (turn.kind === "tool" && this.lastCall.has(path)) parent = this.lastCall.get(path)!; // it was that call's wish
    if (turn.kind === "call" && row.kind === "model") this.lastCall.set(path, row.key);
    this.put(row, parent);
  }

  private group(key: string, kind: "round" | "candidate", index: number, parent: string | null): string {
    if (!this.groups.has(key)) {
      const row = ofNext(key, kind, `${kind === "round" ? "Round" : "Candidate"} ${index + 1}`, "queued", "", null);
      this.groups.set(key, row);
      this.put(row, parent);
    }
    return key;
  }

  private put(row: TraceRow, parent: string | null): void {
    row.parent = parent;
    const siblings = this.below.get(parent);
    if (siblings) siblings.push(row);
    else this.below.set(parent, [row]);
  }

  flat(): TraceRow[] {
    const rows: TraceRow[] = [];
    const visit = (parent: string | null, depth: number) => {
      for (const row of this.below.get(parent) ?? []) {
        row.depth = depth;
        row.hasChildren = this.below.has(row.key);
        rows.push(row);
        visit(row.key, depth + 1);
      }
    };
    visit(null, 0);
    for (const row of rows.toReversed()) if (this.groups.has(row.key)) summarise(row, this.below.get(row.key) ?? []);
    return rows;
  }
}

/** A group is what its turns are: going on while one goes on, failed where a call failed, else done. A check that did not pass is no failure of its round. */
function summarise(group: TraceRow, children: TraceRow[]): void {
  const sum = (field: "promptTokens" | "completionTokens") => children.reduce<number | null>((total, row) => (row[field] === null ? total : (total ?? 0) + row[field]), null);
  group.promptTokens = sum("promptTokens");
  group.completionTokens = sum("completionTokens");
  group.costUsdMicros = children.reduce((total, row) => total + row.costUsdMicros, 0);
  const begun = children.filter((row) => row.startAt !== null);
  group.startAt = begun.length > 0 ? Math.min(...begun.map((row) => row.startAt!)) : null;
  const open = children.some((row) => row.endAt === null);
  group.endAt = open || begun.length === 0 ? null : Math.max(...begun.map((row) => row.endAt!));
  const states = new Set(children.map((row) => row.state));
  const last = children.findLast((row) => row.kind !== "attempt");
  group.state = states.has("running") ? "running" : states.has("waiting") ? "waiting" : open ? (begun.length > 0 ? "running" : "queued")
    : last?.kind === "tool" && last.state === "failed" ? "failed" : "succeeded";
  const unmet = children.find((row) => row.kind === "verify" && row.state === "failed");
  if (unmet) group.reason = unmet.reason;
}
