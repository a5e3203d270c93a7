/** The verdict in thirty seconds: word, effect, interval against what was needed, one plain sentence. */
import { points } from "@/kit/format/format";
import { Interval, intervalText } from "@/kit/charts/Interval";
import { reveal } from "@/kit/text/Untrusted";
import { VerdictChip } from "@/kit/ui/Chip";

import { about, type Evidence, story } from "./evidence";

export function Verdict({ shown }: { shown: Evidence }) {
  const [low, high] = shown.interval;
  const words = story(shown);
  return (
    <section aria-label="Verdict" className="rounded-card border border-border bg-surface p-5 max-md:p-4">
      <div className="grid items-center gap-x-10 gap-y-4 md:grid-cols-[auto_1fr]">
        <div>
          <VerdictChip verdict={shown.verdict} more={shown.about_n_more ? Number(about(shown.about_n_more).replaceAll(",", "")) : null} />
          <p className="nums mt-2 flex items-baseline gap-2.5"><strong data-testid="effect" className="text-verdict font-semibold tracking-[-0.02em]">{points(shown.effect)}</strong><span className="text-lg">points</span></p>
          <p data-testid="interval" className="nums">{intervalText(low, high, shown.level)}, n = {shown.n}</p>
        </div>
        <Interval effect={shown.effect} low={low} high={high} needed={shown.needed} level={shown.level} n={shown.n} />
      </div>
      <p className="mt-4 border-t border-border pt-3.5 text-lg text-text max-md:text-md">
        {reveal(words.before)}<strong>{words.strong}</strong>{reveal(words.after)}
      </p>
      {shown.warnings.map((warning) => <p key={warning} className="mt-2 text-attention">{reveal(warning)}</p>)}
    </section>
  );
}
