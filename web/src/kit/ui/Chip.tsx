/** A chip is a state (icon, word, then colour); a tag is a fact. */
import clsx from "clsx";
import {
  Ban, CircleCheck, CircleDashed, Equal, Hand, LoaderCircle, type LucideIcon, OctagonX, TrendingDown, TrendingUp,
} from "lucide-react";

export type Tone = "queued" | "running" | "succeeded" | "failed" | "cancelled" | "attention";

const TONES: Record<Tone, string> = {
  queued: "bg-queued-soft text-queued",
  running: "bg-running-soft text-running",
  succeeded: "bg-succeeded-soft text-succeeded",
  failed: "bg-failed-soft text-failed",
  cancelled: "bg-cancelled-soft text-cancelled",
  attention: "bg-attention-soft text-attention",
};

const STATES: Record<string, { tone: Tone; icon: LucideIcon; word: string }> = {
  queued: { tone: "queued", icon: CircleDashed, word: "Queued" },
  running: { tone: "running", icon: LoaderCircle, word: "Running" },
  waiting: { tone: "attention", icon: Hand, word: "Waiting" },
  succeeded: { tone: "succeeded", icon: CircleCheck, word: "Succeeded" },
  failed: { tone: "failed", icon: OctagonX, word: "Failed" },
  cancelled: { tone: "cancelled", icon: Ban, word: "Cancelled" },
};

const WAITS: Record<string, string> = {
  person: "Waits for you", provider: "Waits for the provider", budget: "Waits for budget", pause: "Paused", schedule: "Scheduled",
};

const VERDICTS: Record<string, { tone: Tone; icon: LucideIcon; word: string }> = {
  better: { tone: "succeeded", icon: TrendingUp, word: "Better" },
  not_worse: { tone: "queued", icon: Equal, word: "Not worse" },
  worse: { tone: "failed", icon: TrendingDown, word: "Worse" },
  inconclusive: { tone: "attention", icon: CircleDashed, word: "Inconclusive" },
};

export function Chip({ tone, icon: Icon, children, className }: { tone: Tone; icon: LucideIcon; children: React.ReactNode; className?: string }) {
  return (
    <span className={clsx("inline-flex h-6 items-center gap-1.5 rounded-[6px] px-2 text-sm font-[550] whitespace-nowrap", TONES[tone], className)}>
      <Icon aria-hidden size={14} strokeWidth={1.75} className={Icon === LoaderCircle ? "animate-spin" : undefined} />
      {children}
    </span>
  );
}

/** The state of a run, a training, any job. */
export function StateChip({ state, waitingFor }: { state: string; waitingFor?: string | null | undefined }) {
  const found = STATES[state] ?? STATES.queued!;
  return <Chip tone={found.tone} icon={found.icon}>{(state === "waiting" && waitingFor && WAITS[waitingFor]) || found.word}</Chip>;
}

/** The icon of a state alone, with its word for screen readers. */
export function StateIcon({ state, size = 16 }: { state: string; size?: number }) {
  const { icon: Icon, tone, word } = STATES[state] ?? STATES.queued!;
  const colour = { queued: "text-queued", running: "text-running", succeeded: "text-succeeded", failed: "text-failed", cancelled: "text-cancelled", attention: "text-attention" }[tone];
  return <Icon role="img" aria-label={word} size={size} strokeWidth={1.75} className={clsx("shrink-0", colour, Icon === LoaderCircle && "animate-spin")} />;
}

/** A verdict; `more` cases would tell where it is inconclusive. */
export function VerdictChip({ verdict, more }: { verdict: string; more?: number | null | undefined }) {
  const found = VERDICTS[verdict] ?? VERDICTS.inconclusive!;
  return <Chip tone={found.tone} icon={found.icon}>{found.word}{verdict === "inconclusive" && more ? `, about ${more} more` : ""}</Chip>;
}

export function Tag({ children, onClick, title }: { children: React.ReactNode; onClick?: () => void; title?: string }) {
  const look = "inline-flex h-5 max-w-full items-center truncate rounded-[5px] bg-sunken px-1.5 text-xs text-text-2";
  return onClick
    ? <button type="button" title={title} onClick={onClick} className={clsx(look, "hover:text-text")}>{children}</button>
    : <span title={title} className={look}>{children}</span>;
}
