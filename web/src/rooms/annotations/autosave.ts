/** What is being said of an item, kept in this browser: it survives a reload, a crash and a server that is away. */
import { type Draft, EMPTY, isEmpty } from "./draft";

const PREFIX = "camel-ext.judging."; // its own: what is old under it is thrown away
const KEPT = 50;
const KEPT_MS = 7 * 86_400_000;

interface Kept { at: number; draft: Draft }

/** Keep a draft; an empty one is forgotten. A full disk of the browser loses the net, never the work. */
export function keepDraft(itemId: string, draft: Draft, now = Date.now(), store: Storage = localStorage): void {
  if (isEmpty(draft)) return forgetDraft(itemId, store);
  try {
    store.setItem(PREFIX + itemId, JSON.stringify({ at: now, draft } satisfies Kept));
  } catch {
    prune(now, store);
  }
}

/** Return what was being said of an item, or an empty draft. */
export function readDraft(itemId: string, store: Storage = localStorage): Draft {
  const kept = parse(store.getItem(PREFIX + itemId));
  return kept ? { ...EMPTY, ...kept.draft } : EMPTY;
}

export function forgetDraft(itemId: string, store: Storage = localStorage): void {
  store.removeItem(PREFIX + itemId);
}

/** Forget drafts that are a week old, and all beyond the newest 50. */
export function prune(now = Date.now(), store: Storage = localStorage): void {
  const names = Array.from({ length: store.length }, (_, at) => store.key(at)!).filter((name) => name.startsWith(PREFIX));
  const byAge = names.map((name) => ({ name, at: parse(store.getItem(name))?.at ?? 0 })).sort((a, b) => b.at - a.at);
  byAge.filter(({ at }, place) => place >= KEPT || now - at > KEPT_MS).forEach(({ name }) => store.removeItem(name));
}

function parse(raw: string | null): Kept | null {
  try {
    const found: unknown = JSON.parse(raw ?? "null");
    return typeof found === "object" && found !== null && "draft" in found ? (found as Kept) : null;
  } catch {
    return null;
  }
}
