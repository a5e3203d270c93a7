/** Where jobs lead: to what they work for, by the ids that they name; and from a worker to what it holds. */
import { href } from "@/kit/url";

const PAGES: Record<string, { path: string; word: string }> = {
  run_id: { path: "/workflows/run", word: "the run" },
  training_id: { path: "/training", word: "the training" },
  evaluation_id: { path: "/evaluation/evaluation", word: "the evaluation" },
  improvement_id: { path: "/experiments/improvement", word: "the improvement" },
};

/** The list of the jobs that a worker holds. */
export function heldBy(worker: string): string {
  return `${href("/settings/jobs", { worker })}#${LIST}`;
}

/** The element that the list is in. */
export const LIST = "jobs";

export function worksFor(args: Record<string, unknown>): { href: string; word: string } | null {
  for (const [name, page] of Object.entries(PAGES)) {
    const id = args[name];
    if (typeof id === "string") return { href: href(page.path, { id }), word: page.word };
  }
  return null;
}
