/** The columns of the log, and a turn in two lines for a phone. */
import type { InteractionListed } from "@/kit/api/schema";
import { clockTime, cost, duration, shortId, tokens, UNKNOWN } from "@/kit/format/format";
import type { Column } from "@/kit/table/columns";
import type { Compact } from "@/kit/table/Row";
import { Preview } from "@/kit/text/Preview";
import { StateIcon } from "@/kit/ui/Chip";

type Names = (id: string | null | undefined) => string | null;

/** Return who answered: the adapter where there was one, else the model. */
export function versionOf(turn: InteractionListed, nameOf: Names): string {
  return nameOf(turn.adapter_version_id ?? turn.model_version_id) ?? shortId(turn.adapter_version_id ?? turn.model_version_id);
}

/** Return where its words are, if not in the log any more. */
export function placeOf(turn: Pick<InteractionListed, "archive_id" | "erased_at">): { word: string; title: string } | null {
  if (turn.erased_at) return { word: "erased", title: `Prompt and answer were erased for good at ${clockTime(turn.erased_at)}, as the project's retention says` };
  return turn.archive_id ? { word: "archived", title: "Prompt and answer are read from a file of the archive" } : null;
}

function Said({ turn, mark }: { turn: InteractionListed; mark: string | undefined }) {
  return (
    <span className="flex min-w-0 gap-3">
      <Preview text={turn.prompt_preview} mark={mark} className="max-w-[62%] shrink-0 truncate font-[550] text-text" />
      {turn.error_code ? <span className="truncate text-failed">{turn.error_code}</span> : <Preview text={turn.answer_preview} mark={mark} className="min-w-0 truncate" />}
      {placeOf(turn) && <span className="shrink-0 text-text-3" title={placeOf(turn)?.title}>{placeOf(turn)?.word}</span>}
    </span>
  );
}

const word = (text: string | null | undefined) => (text ? <Preview text={text} /> : UNKNOWN);

export function turnColumns(nameOf: Names, mark: string | undefined): Column<InteractionListed>[] {
  return [
    { id: "time", title: "Time", width: 88, cell: (turn) => <time dateTime={turn.created_at} className="nums">{clockTime(turn.created_at)}</time> },
    { id: "state", title: "State", narrow: true, width: 20, cell: (turn) => <span className="flex"><StateIcon state={turn.error_code ? "failed" : "succeeded"} /></span> },
    { id: "said", title: "Question and answer", width: 220, grow: true, cell: (turn) => <Said turn={turn} mark={mark} /> },
    { id: "agent", title: "Agent", width: 84, cell: (turn) => word(turn.agent_id) },
    { id: "version", title: "Version", width: 116, cell: (turn) => <span title={versionOf(turn, nameOf)}>{versionOf(turn, nameOf)}</span> },
    { id: "tokens", title: "Tokens", width: 72, align: "right", cell: (turn) => tokens(turn.prompt_tokens, turn.completion_tokens) },
    { id: "taken", title: "Time taken", width: 72, align: "right", cell: (turn) => duration(turn.total_ms / 1000) },
    { id: "ttft", title: "First token", width: 76, align: "right", hidden: true, cell: (turn) => duration(turn.ttft_ms === null ? null : turn.ttft_ms / 1000) },
    { id: "cost", title: "Cost", width: 72, align: "right", hidden: true, cell: (turn) => cost(turn.cost_usd_micros) },
    { id: "alias", title: "Alias", width: 88, hidden: true, cell: (turn) => word(turn.alias) },
    { id: "purpose", title: "Purpose", width: 72, hidden: true, cell: (turn) => turn.purpose },
    { id: "source", title: "Source", width: 80, hidden: true, cell: (turn) => word(turn.source) },
    { id: "turn", title: "Turn of a run", width: 120, hidden: true, cell: (turn) => word(turn.step_key) },
    { id: "session", title: "Session", width: 120, hidden: true, cell: (turn) => word(turn.session) },
    { id: "tags", title: "Tags", width: 140, hidden: true, cell: (turn) => word(turn.tags?.join(", ")) },
    { id: "finish", title: "Ended by", width: 72, hidden: true, cell: (turn) => word(turn.finish_reason) },
  ];
}

export function turnCompact(nameOf: Names, mark: string | undefined) {
  return (turn: InteractionListed): Compact => ({
    lead: <span className="flex items-center gap-2"><StateIcon state={turn.error_code ? "failed" : "succeeded"} /><Preview text={turn.prompt_preview} mark={mark} className="truncate font-[550]" /></span>,
    note: turn.error_code ?? <><Preview text={turn.answer_preview} mark={mark} /> · {versionOf(turn, nameOf)}</>,
    aside: placeOf(turn) ? `${placeOf(turn)?.word} · ${clockTime(turn.created_at)}` : clockTime(turn.created_at),
  });
}
