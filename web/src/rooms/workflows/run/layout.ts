/** Where the nodes stand: a chain in a line, what branches by dagre; bands one under the other. Pure: the same graph stands the same way each time. */
import { Graph, layout } from "@dagrejs/dagre";

import type { GraphEdge, GraphModel, GraphNode } from "./graph";
import { grouped } from "./plan";

export interface Placed { x: number; y: number; width: number; height: number }

const BIG = { width: 124, height: 62 };
const SMALL = { width: 84, height: 30 };
const GAP = { rank: 40, node: 20, band: 36 };

function sizeOf(node: GraphNode): { width: number; height: number } {
  if (node.kind === "goal" || node.kind === "done") return SMALL;
  if (node.kind === "verify") return { width: Math.min(150, 62 + 7 * node.label.length), height: 30 };
  return { ...BIG, width: Math.max(BIG.width, Math.min(180, 52 + 7.5 * node.label.length)) };
}

export function place(model: GraphModel): Map<string, Placed> {
  const placed = new Map<string, Placed>();
  const bandOf = new Map(model.nodes.map((node) => [node.id, node.band]));
  const inside = grouped(model.edges.filter((edge) => edge.kind === "next" && bandOf.get(edge.from) === bandOf.get(edge.to)), (edge) => bandOf.get(edge.from)!);
  let top = 0;
  for (const [band, nodes] of grouped(model.nodes, (node) => node.band)) {
    const edges = inside.get(band) ?? [];
    const spots = isChain(nodes, edges) ? inLine(nodes) : byDagre(nodes, edges);
    let bottom = top;
    for (const [id, spot] of spots) {
      placed.set(id, { ...spot, y: top + spot.y });
      bottom = Math.max(bottom, top + spot.y + spot.height);
    }
    top = bottom + GAP.band;
  }
  return placed;
}

function isChain(nodes: GraphNode[], edges: GraphEdge[]): boolean {
  return edges.length === nodes.length - 1 && edges.every((edge, at) => edge.from === nodes[at]!.id && edge.to === nodes[at + 1]!.id);
}

/** Most bands are chains: dagre takes 0.3 s for forty of them, this nothing. */
function inLine(nodes: GraphNode[]): Map<string, Placed> {
  const height = Math.max(...nodes.map((node) => sizeOf(node).height));
  let x = 0;
  return new Map(nodes.map((node) => {
    const size = sizeOf(node);
    const spot = { ...size, x, y: (height - size.height) / 2 };
    x += size.width + GAP.rank;
    return [node.id, spot];
  }));
}

function byDagre(nodes: GraphNode[], edges: GraphEdge[]): Map<string, Placed> {
  const graph = new Graph();
  graph.setGraph({ rankdir: "LR", ranksep: GAP.rank, nodesep: GAP.node });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const node of nodes) graph.setNode(node.id, { ...sizeOf(node) });
  for (const edge of edges) graph.setEdge(edge.from, edge.to);
  layout(graph);
  return new Map(nodes.map((node) => {
    const { x, y } = graph.node(node.id) as { x: number; y: number };
    const size = sizeOf(node);
    return [node.id, { ...size, x: x - size.width / 2, y: y - size.height / 2 }];
  }));
}
