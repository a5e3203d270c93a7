/** What a job works for: its page, by the ids that the job names. */
import { href } from "@/kit/url";

const PAGES: Record<string, { path: string; word: string }> = {
  run_id: { path: "/workflows/run", word: "the run" },
  training_id: { path: "/training", word: "the training" },
  evaluation_id: { path: "/evaluation/evaluation", word: "the evaluation" },
  improvement_id: { path: "/experiments/improvement", word: "the improvement" },
};

export function worksFor(args: Record<string, unknown>): { href: string; word: string } | null {
  for (const [name, page] of Object.entries(PAGES)) {
    const id = args[name];
    if (typeof id === "string") return { href: href(page.path, { id }), word: page.word };
  }
  return null;
}
