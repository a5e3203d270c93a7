/**
 * Which of the server's data an event makes old. A query's key begins with the resource as the API names it:
 * `["runs", "list", filter]` or `["runs", id, ...]`; the latter is touched only by events about that id.
 */
import type { QueryClient, QueryKey } from "@tanstack/react-query";

import { covers, type FeedEvent } from "./messages";

const OLD: Record<string, string[]> = {
  "workflows.run": ["runs", "overview"],
  "workflows.fork": ["forks", "interactions"],
  "workflows.configuration": ["configurations", "agents", "workflows", "overview"],
  "interactions.interaction": ["interactions"],
  "annotations.annotation": ["annotations", "annotation-queues", "overview"],
  "annotations.batch": ["annotations", "annotation-batches", "annotation-queues", "overview"],
  "datasets.version": ["datasets", "dataset-versions", "overview"],
  "training.training": ["trainings", "overview"],
  "evaluation.evaluation": ["evaluations", "overview"],
  "evaluation.comparison": ["comparisons", "overview"],
  "evaluation.judging": ["judgings", "annotations", "overview"],
  "experiments.improvement": ["improvements", "overview"],
  "experiments.certificate": ["certificates", "overview"],
  "experiments.decision": ["decisions", "certificates", "error-budgets", "aliases", "overview"],
  "scheduling.schedule": ["schedules"],
  "scheduling.firing": ["schedules"],
  "notifications.notice": ["inbox"],
  "notifications.inbox": ["inbox"],
  "notifications.delivery": ["notification-deliveries"],
  "registry.version": ["models", "model-versions"],
  "registry.alias": ["aliases", "overview"],
};

/** What every page follows: state changes, few a second. Turns, interactions and texts only where a screen shows them. */
export const ALWAYS = Object.keys(OLD).filter((name) => name !== "interactions.interaction");

const GATHER_MS = 500;
const SETTLE_MS = 1000;
const ID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/i;

export function makesOld({ event, subject }: Pick<FeedEvent, "event" | "subject">, key: QueryKey): boolean {
  const [resource, id] = key;
  if (event.endsWith(".deleted") && id === subject) return false; // what is gone is not asked for again
  const touched = Object.keys(OLD).some((name) => covers([name], event) && OLD[name]!.includes(String(resource)));
  return touched && !(typeof id === "string" && ID.test(id) && ID.test(subject) && id !== subject && event.startsWith(owner(String(resource))));
}

/** The room whose ids a resource is addressed by: an event of another room may touch any of them. */
function owner(resource: string): string {
  return Object.keys(OLD).find((name) => OLD[name]![0] === resource) ?? "\u0000";
}

/** Mark as old what events touch: the first at once, then at most twice a second. */
export function invalidator(client: QueryClient): (event: FeedEvent) => void {
  let gathered: FeedEvent[] = [];
  let resting = false;
  const flush = () => {
    if (gathered.length === 0) { resting = false; return; }
    const events = gathered;
    gathered = [];
    void client.invalidateQueries({ predicate: ({ queryKey }) => events.some((event) => makesOld(event, queryKey)) });
    resting = true;
    setTimeout(flush, GATHER_MS);
  };
  return (event) => {
    gathered.push(event);
    if (!resting) flush();
  };
}

/** What was read before the feed began may have changed unheard: read it once more, when the page has come to rest. */
export function settle(client: QueryClient): void {
  const begunMs = Date.now();
  setTimeout(() => void client.invalidateQueries({ predicate: ({ state }) => Math.max(state.dataUpdatedAt, state.errorUpdatedAt) < begunMs }), SETTLE_MS);
}
