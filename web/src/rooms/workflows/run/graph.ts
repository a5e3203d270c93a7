/** A run as a graph. Aggregated: one node per step of the workflow; expanded: one per call; past 300, one per round. Pure: no layout here. */
import type { RunShown } from "@/kit/api/schema";

import { grouped, type PlanStep } from "./plan";
import type { RowState, TraceRow } from "./trace";

type NodeKind = "goal" | "done" | "agent" | "tool" | "verify" | "group";
export interface GraphNode {
  id: string; kind: NodeKind; label: string; state: RowState; active: boolean;
  /** How often, how long and how much, in all. */ count: number; total_s: number; completionTokens: number; tools: number;
  /** The row to open on a click. */ rowKey: string | null;
  /** Nodes of one band stand beside each other; bands stand one under the other. */ band: string;
}
export interface GraphEdge { id: string; from: string; to: string; kind: "next" | "loop"; label: string; active: boolean }
export interface GraphModel { nodes: GraphNode[]; edges: GraphEdge[]; /** Calls that one node stands for at most; 1: none is hidden. */ grouped: boolean }

export const MAX_NODES = 300;
const BAND_NODES = 8;
const RANK: RowState[] = ["succeeded", "queued", "failed", "waiting", "running"];

interface Leaf { place: string; kind: "agent" | "tool" | "verify"; who: string }
interface Loop { first: string; last: string; label: string; round: number }

export function aggregated(run: RunShown, rows: TraceRow[], plan: PlanStep[]): GraphModel {
  const byPlace = grouped(rows.filter((row) => row.kind !== "round" && row.kind !== "candidate"), (row) => row.place);
  const leaves: Leaf[] = [];
  const loops: Loop[] = [];
  const entries = new Map<string, string>();
  if (plan.length > 0) walk(plan, "", rows, leaves, loops, entries);
  else for (const [place, [row]] of byPlace) leaves.push({ place, kind: row!.kind === "model" || row!.kind === "attempt" ? "agent" : (row!.kind as "tool" | "verify"), who: row!.name });
  const nodes = [endNode("goal", run), ...leaves.map((leaf) => leafNode(leaf, byPlace.get(leaf.place) ?? [])), endNode("done", run)];
  const edges = nodes.slice(1).map((node, at) => edge(nodes[at]!, node, entries.get(node.id) ?? ""));
  const known = new Map(nodes.map((node) => [node.id, node]));
  for (const loop of loops) {
    const again = loop.round > 1 && known.get(loop.first)!.active && known.get(loop.first)!.count < loop.round;
    edges.push({ id: `loop:${loop.last}`, from: loop.last, to: loop.first, kind: "loop", label: loop.label, active: again });
  }
  return { nodes, edges, grouped: false };
}

function walk(steps: PlanStep[], prefix: string, rows: TraceRow[], leaves: Leaf[], loops: Loop[], entries: Map<string, string>): void {
  for (const step of steps) {
    const place = prefix + step.name;
    if (step.kind !== "loop" && step.kind !== "best_of") { leaves.push({ place, kind: step.kind, who: step.who }); continue; }
    const from = leaves.length;
    walk(step.children, `${place}/`, rows, leaves, loops, entries);
    const [first, last] = [leaves[from], leaves.at(-1)];
    if (!first || !last) continue;
    if (step.kind === "best_of") entries.set(first.place, `${step.n ?? 2} candidates`);
    else loops.push({ first: first.place, last: last.place, ...told(step, place, rows) });
  }
}

/** "until check.passed, round 2 of 3" */
function told(step: PlanStep, place: string, rows: TraceRow[]): { label: string; round: number } {
  const rounds = rows.filter((row) => row.kind === "round" && row.place === place && row.startAt !== null);
  const round = rounds.reduce((most, row) => Math.max(most, Number(/\[(\d+)\]$/.exec(row.key)?.[1] ?? 0) + 1), 0);
  const until = step.until ? `until ${step.until.replaceAll("steps.", "")}, ` : "";
  return { round, label: round > 0 ? `${until}round ${round} of ${step.maxRounds ?? "?"}` : `${until}at most ${step.maxRounds ?? "?"} rounds` };
}

function endNode(kind: "goal" | "done", run: RunShown): GraphNode {
  const state: RowState = kind === "goal" ? "succeeded" : run.state === "succeeded" ? "succeeded" : run.state === "failed" ? "failed" : "queued";
  return { id: kind, kind, label: kind === "goal" ? "Goal" : state === "failed" ? "Stopped" : "Done", state, active: false, count: 0, total_s: 0, completionTokens: 0, tools: 0, rowKey: null, band: "" };
}

function leafNode(leaf: Leaf, rows: TraceRow[]): GraphNode {
  const calls = rows.filter((row) => (leaf.kind === "agent" ? row.kind !== "tool" : true) && row.startAt !== null);
  return {
    id: leaf.place, kind: leaf.kind, label: leaf.who, state: worst(rows), active: rows.some((row) => row.state === "running"), band: "",
    count: calls.length, total_s: seconds(rows), completionTokens: rows.reduce((sum, row) => sum + (row.completionTokens ?? 0), 0),
    tools: leaf.kind === "agent" ? rows.filter((row) => row.kind === "tool" && row.startAt !== null).length : 0,
    rowKey: (rows.findLast((row) => row.startAt !== null && row.kind !== "tool") ?? rows.at(-1))?.key ?? null,
  };
}

function worst(rows: TraceRow[]): RowState {
  if (!rows.some((row) => row.startAt !== null)) return rows.some((row) => row.state === "waiting") ? "waiting" : "queued";
  return rows.filter((row) => row.startAt !== null || row.state === "waiting").reduce<RowState>((state, row) => (RANK.indexOf(row.state) > RANK.indexOf(state) ? row.state : state), "succeeded");
}

function seconds(rows: TraceRow[]): number {
  return rows.reduce((sum, row) => sum + (row.startAt === null || row.endAt === null ? 0 : row.endAt - row.startAt), 0) / 1000;
}

function edge(from: GraphNode, to: GraphNode, label = ""): GraphEdge {
  return { id: `${from.id}>${to.id}`, from: from.id, to: to.id, kind: "next", label, active: to.active };
}

export function expanded(run: RunShown, rows: TraceRow[]): GraphModel {
  const calls = rows.filter((row) => row.kind !== "round" && row.kind !== "candidate");
  const nodes: GraphNode[] = calls.length > MAX_NODES ? groups(rows) : calls.map((row) => callNode(row, topOf(row.key)));
  const goal = endNode("goal", run);
  const done = endNode("done", run);
  goal.band = nodes[0]?.band ?? "";
  done.band = nodes.at(-1)?.band ?? "";
  const edges = calls.length > MAX_NODES ? chain([goal, ...nodes, done]) : happenedBefore(rows, nodes, goal, done);
  return { nodes: [goal, ...nodes, done], edges, grouped: calls.length > MAX_NODES };
}

/** The round (or candidate) nearest to the root: what stands in one band. */
function topOf(key: string): string {
  return /^.*?[\]}](?=\/)/.exec(key)?.[0] ?? "";
}

function callNode(row: TraceRow, band: string): GraphNode {
  return {
    id: row.key, kind: row.kind === "tool" || row.kind === "verify" ? row.kind : "agent", label: row.name, state: row.state, active: row.state === "running",
    count: row.startAt === null ? 0 : 1, total_s: seconds([row]), completionTokens: row.completionTokens ?? 0, tools: 0, rowKey: row.key, band,
  };
}

/** So many rounds (or turns, where there are none) a node that the graph stays small. */
function groups(rows: TraceRow[]): GraphNode[] {
  const units: TraceRow[][] = [];
  for (const row of rows) {
    if (row.depth === 0) units.push([row]);
    else units.at(-1)?.push(row);
  }
  const each = Math.ceil(units.length / (MAX_NODES / 3));
  const found: GraphNode[] = [];
  for (let from = 0; from < units.length; from += each) {
    const chunk = units.slice(from, from + each);
    const calls = chunk.flat().filter((row) => row.kind !== "round" && row.kind !== "candidate");
    const [first, last] = [chunk[0]![0]!, chunk.at(-1)![0]!];
    const noun = first.kind === "round" ? "Round" : first.kind === "candidate" ? "Candidate" : "Turn";
    const number = (row: TraceRow) => (row.kind === "round" || row.kind === "candidate" ? row.name.split(" ")[1]! : String(row.seq ?? ""));
    found.push({
      id: first.key, kind: "group", label: chunk.length === 1 ? `${noun} ${number(first)}` : `${noun}s ${number(first)}–${number(last)}`,
      state: worst(calls), active: calls.some((row) => row.state === "running"), count: calls.filter((row) => row.startAt !== null).length,
      total_s: seconds(calls), completionTokens: calls.reduce((sum, row) => sum + (row.completionTokens ?? 0), 0),
      tools: calls.filter((row) => row.kind === "tool").length, rowKey: first.key, band: String(Math.floor(found.length / BAND_NODES)),
    });
  }
  return found;
}

function chain(nodes: GraphNode[]): GraphEdge[] {
  return nodes.slice(1).map((node, at) => edge(nodes[at]!, node));
}

interface Parallel { of: string; entry: GraphNode[]; exits: GraphNode[] }

/** Edges by hierarchy: one after the other within a list, candidates beside each other, all of them before what follows. */
function happenedBefore(rows: TraceRow[], nodes: GraphNode[], goal: GraphNode, done: GraphNode): GraphEdge[] {
  const known = new Map(nodes.map((node) => [node.id, node]));
  const below = grouped(rows, (row) => row.parent);
  const edges: GraphEdge[] = [];
  const link = (children: TraceRow[], entry: GraphNode[]): GraphNode[] => {
    let exits = entry;
    let parallel: Parallel | null = null as Parallel | null;
    for (const row of children) {
      const inner = below.get(row.key) ?? [];
      if (row.kind === "candidate") {
        const of = row.key.replace(/\{\d+\}$/, "");
        if (parallel?.of !== of) parallel = { of, entry: exits, exits: [] };
        parallel.exits.push(...link(inner, parallel.entry));
        exits = parallel.exits;
        continue;
      }
      parallel = null;
      const node = known.get(row.key);
      if (node) {
        edges.push(...exits.map((from) => edge(from, node)));
        exits = [node];
      }
      exits = link(inner, exits);
    }
    return exits;
  };
  edges.push(...link(below.get(null) ?? [], [goal]).map((from) => edge(from, done)));
  return edges;
}
