/** Several answers, the best first: drag them, or type a letter and then a digit. Loaded when a ranking is asked for. */
"use client";

import { closestCenter, DndContext, type DragEndEvent, PointerSensor, useSensor, useSensors } from "@dnd-kit/core";
import { SortableContext, useSortable, verticalListSortingStrategy } from "@dnd-kit/sortable";
import clsx from "clsx";
import { ChevronDown, ChevronUp, GripVertical, Pencil } from "lucide-react";

import { Untrusted } from "@/kit/text/Untrusted";
import { WordDiff } from "@/kit/text/WordDiff";
import { IconButton } from "@/kit/ui/Button";

import { orderOf, place, type Ranks } from "./ranking";

interface Ranked { id: string; letter: string; text: string; correction: string | undefined }

interface Props { answers: Ranked[]; ranks: Ranks; picked: string | null; onPick: (id: string) => void; onRank: (ranks: Ranks) => void; onNudge: (id: string, by: -1 | 1) => void; onEdit: (id: string) => void }

export default function Ranking({ answers, ranks, picked, onPick, onRank, onNudge, onEdit }: Props) {
  const ids = answers.map((each) => each.id);
  const order = orderOf(ranks, ids);
  const sensors = useSensors(useSensor(PointerSensor, { activationConstraint: { distance: 6 } }));
  const drop = ({ active, over }: DragEndEvent) => { if (over && active.id !== over.id) onRank(place(ranks, ids, String(active.id), String(over.id))); };
  return (
    <DndContext sensors={sensors} collisionDetection={closestCenter} onDragEnd={drop}>
      <SortableContext items={order} strategy={verticalListSortingStrategy}>
        <ol aria-label="Answers, the best first" className="min-h-0 flex-1 space-y-2 overflow-y-auto pr-1">
          {order.map((id) => {
            const answer = answers.find((each) => each.id === id)!;
            return <Row key={id} answer={answer} rank={ranks[id]} tied={Object.values(ranks).filter((each) => each === ranks[id]).length > 1} picked={picked === id} onPick={() => onPick(id)} onNudge={(by) => onNudge(id, by)} onEdit={() => onEdit(id)} />;
          })}
        </ol>
      </SortableContext>
    </DndContext>
  );
}

function Row({ answer, rank, tied, picked, onPick, onNudge, onEdit }: { answer: Ranked; rank: number | undefined; tied: boolean; picked: boolean; onPick: () => void; onNudge: (by: -1 | 1) => void; onEdit: () => void }) {
  const { setNodeRef, listeners, transform, transition, isDragging } = useSortable({ id: answer.id });
  return (
    <li ref={setNodeRef} data-answer={answer.letter} aria-current={picked || undefined} onClick={onPick}
      style={{ transform: transform ? `translate3d(0, ${Math.round(transform.y)}px, 0)` : undefined, transition: transition ?? undefined }}
      className={clsx("flex items-start gap-3 rounded-card border bg-surface p-3", picked ? "border-accent shadow-[0_0_0_3px_var(--accent-soft)]" : "border-border", isDragging && "z-10 shadow-pop")}>
      <span {...listeners} aria-hidden className="flex h-8 cursor-grab touch-none items-center text-text-3 active:cursor-grabbing"><GripVertical size={16} /></span>
      <span className={clsx("flex size-8 shrink-0 items-center justify-center rounded-[6px] text-md font-semibold", picked ? "bg-accent text-on-accent" : "bg-sunken text-text")}>{answer.letter}</span>
      <div className="min-w-0 flex-1 pt-1 text-md text-text">
        {answer.correction !== undefined && answer.correction !== answer.text ? <WordDiff before={answer.text} after={answer.correction} /> : <Untrusted text={answer.text || "This answer is empty."} />}
      </div>
      <span aria-label={rank === undefined ? "No place yet" : `Place ${rank}${tied ? ", tied" : ""}`} className="nums flex h-8 min-w-12 items-center justify-end text-fig font-semibold text-text">{rank === undefined ? <span className="text-text-3">–</span> : rank}{tied && <span className="ml-1 text-xs font-normal text-text-3">tie</span>}</span>
      <span className="flex"><IconButton icon={ChevronUp} label={`Move ${answer.letter} up`} onClick={() => onNudge(-1)} /><IconButton icon={ChevronDown} label={`Move ${answer.letter} down`} onClick={() => onNudge(1)} /><IconButton icon={Pencil} label={`Correct ${answer.letter}`} onClick={onEdit} /></span>
    </li>
  );
}
