/** The graph drawn by React Flow: loaded only when a run is looked at. The tree beside it is its equivalent in text. */
"use client";

import "@xyflow/react/dist/base.css";

import {
  Background, BackgroundVariant, BaseEdge, type Edge, EdgeLabelRenderer, type EdgeProps, getSmoothStepPath, Handle, MarkerType, type Node, type NodeProps, Position, ReactFlow, ReactFlowProvider, useReactFlow,
} from "@xyflow/react";
import clsx from "clsx";
import { Flag, Maximize, Target, ZoomIn, ZoomOut } from "lucide-react";
import { memo, useEffect, useMemo } from "react";

import { count, duration } from "@/kit/format/format";
import { reveal } from "@/kit/text/Untrusted";
import { IconButton } from "@/kit/ui/Button";
import { StateIcon } from "@/kit/ui/Chip";

import type { GraphModel, GraphNode } from "./graph";
import { place } from "./layout";

type Seen = Node<{ node: GraphNode; selected: boolean; colour: string | null }>;

export interface CanvasProps {
  model: GraphModel; selected: string | null; colours: ReadonlyMap<string, number>; follow: boolean;
  onSelect: (rowKey: string) => void; onTouch: () => void;
}

const NODES = { role: memo(RoleNode) };
const EDGES = { again: AgainEdge };

function RoleNode({ data: { node, selected, colour } }: NodeProps<Seen>) {
  const end = node.kind === "goal" || node.kind === "done";
  const small = end || node.kind === "verify";
  const Icon = node.kind === "goal" ? Target : Flag;
  const quiet = end && node.state !== "succeeded" && node.state !== "failed" || node.kind !== "goal" && node.state === "queued";
  return (
    <div className={clsx("relative h-full w-full border bg-surface text-text", small ? "flex items-center justify-center gap-1.5 px-2" : "px-3 py-2.5",
      end ? "rounded-full" : "rounded-card", node.rowKey && "cursor-pointer", quiet && "border-dashed text-text-3",
      node.active ? "border-accent outline-2 outline-offset-0 outline-accent-line" : selected ? "border-accent" : "border-border-strong/60")}>
      <Handle type="target" position={Position.Left} className="opacity-0" /><Handle type="source" position={Position.Right} className="opacity-0" />
      <Handle id="below" type="source" position={Position.Bottom} className="opacity-0" /><Handle id="again" type="target" position={Position.Bottom} className="opacity-0" />
      {small ? (
        <>{end ? <Icon aria-hidden size={14} className={node.state === "failed" ? "text-failed" : undefined} /> : <StateIcon state={node.state} size={14} />}<span className="truncate font-[550]">{reveal(node.label)}</span>{node.kind === "verify" && node.count > 0 && <span className="nums text-text-3">{node.count}</span>}</>
      ) : (
        <>
          <p className="flex items-center gap-1.5"><StateIcon state={node.state} /><span className="min-w-0 truncate font-[550]">{reveal(node.label)}</span></p>
          <p className="nums mt-1 flex justify-between text-xs text-text-3"><span>{node.total_s > 0 ? duration(node.total_s) : ""}</span><span>{node.tools > 0 ? `${node.tools} ${node.tools === 1 ? "tool" : "tools"}` : node.completionTokens > 0 ? `${count(node.completionTokens)} tok` : ""}</span></p>
          {colour && <span aria-hidden className="absolute inset-y-2.5 left-0 w-0.5 rounded-full" style={{ background: colour }} />}
          {node.count > 1 && <span className={clsx("nums absolute -top-2.5 -right-2.5 rounded-full px-1.5 text-2xs/5 font-semibold", node.active ? "bg-accent text-on-accent" : "bg-primary text-on-primary")}>×&thinsp;{node.count}</span>}
        </>
      )}
    </div>
  );
}

/** The way back of a loop: below the nodes, with its condition. */
function AgainEdge({ id, sourceX, sourceY, targetX, targetY, label, markerEnd, style }: EdgeProps) {
  const low = Math.max(sourceY, targetY) + 34;
  const path = `M ${sourceX} ${sourceY} L ${sourceX} ${low - 8} Q ${sourceX} ${low} ${sourceX - 8} ${low} L ${targetX + 8} ${low} Q ${targetX} ${low} ${targetX} ${low - 8} L ${targetX} ${targetY + 3}`;
  return (
    <>
      <BaseEdge id={id} path={path} markerEnd={markerEnd} style={style} />
      <EdgeLabelRenderer>
        <span className="absolute max-w-[380px] truncate rounded-full border border-border-strong/60 bg-surface px-2.5 text-xs/5 text-text-2" title={String(label)}
          style={{ transform: `translate(-50%, -50%) translate(${(sourceX + targetX) / 2}px, ${low}px)` }}>{label}</span>
      </EdgeLabelRenderer>
    </>
  );
}

function NextEdge(props: EdgeProps) {
  const [path, labelX, labelY] = getSmoothStepPath({ ...props, borderRadius: 8 });
  return (
    <>
      <BaseEdge id={props.id} path={path} markerEnd={props.markerEnd} style={props.style} />
      {props.label && <EdgeLabelRenderer><span className="absolute rounded-full bg-subtle px-1 text-2xs text-text-3" style={{ transform: `translate(-50%, -130%) translate(${labelX}px, ${labelY}px)` }}>{props.label}</span></EdgeLabelRenderer>}
    </>
  );
}

const EDGE_KINDS = { ...EDGES, next: NextEdge };

function Inside({ model, selected, colours, follow, onSelect, onTouch }: CanvasProps) {
  const flow = useReactFlow();
  const shape = model.nodes.map((node) => node.id).join("|");
  const spots = useMemo(() => place(model), [shape]); // eslint-disable-line react-hooks/exhaustive-deps -- positions stay while nothing comes or goes
  const nodes = useMemo<Seen[]>(() => model.nodes.map((node) => {
    const spot = spots.get(node.id) ?? { x: 0, y: 0, width: 124, height: 62 };
    const number = node.kind === "agent" ? colours.get(node.label) : undefined;
    return { id: node.id, type: "role", position: { x: spot.x, y: spot.y }, width: spot.width, height: spot.height, draggable: false, data: { node, selected: node.rowKey !== null && node.rowKey === selected, colour: number ? `var(--cat-${number})` : null } };
  }), [model, spots, selected, colours]);
  const edges = useMemo<Edge[]>(() => model.edges.map((edge) => {
    const colour = edge.active ? "var(--running)" : "var(--border-strong)";
    return {
      id: edge.id, source: edge.from, target: edge.to, type: edge.kind === "loop" ? "again" : "next", label: edge.label || undefined,
      ...(edge.kind === "loop" ? { sourceHandle: "below", targetHandle: "again" } : {}),
      style: { stroke: colour, strokeWidth: edge.active ? 2 : 1.5 }, markerEnd: { type: MarkerType.Arrow, color: colour, width: 18, height: 18 },
    };
  }), [model]);

  const going = model.nodes.find((node) => node.active)?.id ?? null;
  useEffect(() => {
    const frame = requestAnimationFrame(() => {
      const wide = model.nodes.length > 14;
      void flow.fitView({ padding: 0.12, maxZoom: 1, minZoom: wide ? 0.55 : 0.3, ...(wide && going ? { nodes: [{ id: going }] } : {}) });
    });
    return () => cancelAnimationFrame(frame);
  }, [shape, flow, follow && going]); // eslint-disable-line react-hooks/exhaustive-deps -- moves the view only when the shape changes, or what is followed

  return (
    <ReactFlow nodes={nodes} edges={edges} nodeTypes={NODES} edgeTypes={EDGE_KINDS} nodesDraggable={false} nodesConnectable={false} nodesFocusable={false} edgesFocusable={false}
      elementsSelectable={false} onlyRenderVisibleElements zoomOnScroll={false} preventScrolling={false} minZoom={0.15} maxZoom={1.6} proOptions={{ hideAttribution: true }}
      onNodeClick={(_event, { data }) => { const { rowKey } = data.node; if (rowKey) onSelect(rowKey); }} onMoveStart={(event) => { if (event) onTouch(); }}>
      <Background variant={BackgroundVariant.Dots} gap={18} size={1} color="var(--border)" />
      <div className="absolute right-2 bottom-2 z-10 flex gap-1 rounded-control bg-subtle">
        <IconButton icon={ZoomOut} label="Smaller" onClick={() => void flow.zoomOut()} /><IconButton icon={ZoomIn} label="Larger" onClick={() => void flow.zoomIn()} /><IconButton icon={Maximize} label="All of it" onClick={() => void flow.fitView({ padding: 0.12, maxZoom: 1 })} />
      </div>
    </ReactFlow>
  );
}

export default function GraphCanvas(props: CanvasProps) {
  return <ReactFlowProvider><Inside {...props} /></ReactFlowProvider>;
}
