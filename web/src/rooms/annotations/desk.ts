/**
 * The desk of somebody who judges: what lies on it, what comes next, what was just said and can be taken back.
 * The screen never waits for the server: the next item lies ready, and what is sent is sent behind, in order.
 */
import { createStore, type StoreApi } from "zustand/vanilla";

import type { ItemShown, QueueShown } from "@/kit/api/schema";
import { randomId } from "@/kit/ids";

import { forgetDraft, keepDraft, readDraft } from "./autosave";
import { bodiesOf, type Body, type Draft, EMPTY, missing, wordOf } from "./draft";

/** What the desk asks of the server; the tests hand in another. */
export interface Server {
  /** Reserve so many: those that are held already come first. */
  next: (queueId: string, count: number) => Promise<{ item: ItemShown | null; following: ItemShown[]; items_open: number }>;
  reserve: (itemId: string) => Promise<unknown>;
  skip: (itemId: string, reason: string) => Promise<unknown>;
  judge: (body: Body, key: string) => Promise<{ id: string }>;
  withdraw: (annotationId: string) => Promise<unknown>;
}

export interface Judged { item: ItemShown; draft: Draft; word: string; spentMs: number; bodies: { body: Body; key: string; id: string | null }[]; saved: boolean; undone: boolean; error: unknown }

export interface Desk {
  phase: "loading" | "judging" | "done" | "failed";
  error: unknown;
  current: ItemShown | null;
  ahead: ItemShown[];
  draft: Draft;
  shownAt: number;
  judged: Judged[];
  /** Which of `judged` is looked at again; null: none, the current item is on the desk. */
  looking: number | null;
  savedAt: number | null;
  open: number | null;
  /** What is missing, or went otherwise than meant; in words. */
  notice: string | null;
  /** Until when this browser may count on an item, by its id. */
  keptUntil: Record<string, number>;
}

const MOST_AT_ONCE = 5;
const FIRST: Desk = { phase: "loading", error: null, current: null, ahead: [], draft: EMPTY, shownAt: 0, judged: [], looking: null, savedAt: null, open: null, notice: null, keptUntil: {} };

const codeOf = (error: unknown) => (typeof error === "object" && error !== null && "code" in error ? String(error.code) : "");

export class DeskKeeper {
  readonly store: StoreApi<Desk> = createStore(() => FIRST);
  private line: Promise<unknown> = Promise.resolve();
  /** Items on their way back to the queue: the server may still hand them out as ours. */
  private readonly leaving = new Set<string>();

  constructor(
    private readonly queue: Pick<QueueShown, "id" | "blind" | "guideline_version" | "reservation_s">,
    private readonly server: Server,
    private readonly now: () => number = Date.now,
  ) {}

  get state(): Desk {
    return this.store.getState();
  }

  /** Fetch the first item, and the one after it. */
  start(): Promise<unknown> {
    this.set({ phase: "loading", error: null });
    return this.behind(() => this.fill());
  }

  /** Say something of the current item; it is kept in the browser at once. */
  say(change: Partial<Draft>): void {
    const { current, draft } = this.state;
    if (!current) return;
    const next = { ...draft, ...change };
    this.set({ draft: next, notice: null });
    keepDraft(current.id, next, this.now());
  }

  /** Save and go on. False: something is missing, and `notice` says what. */
  save(): boolean {
    const { current, draft, shownAt, judged } = this.state;
    if (!current) return false;
    const lacking = missing(current, draft);
    if (lacking) {
      this.set({ notice: lacking });
      return false;
    }
    const spentMs = this.now() - shownAt;
    const bodies = bodiesOf(current, draft, this.queue, spentMs).map((body) => ({ body, key: randomId(), id: null }));
    const entry: Judged = { item: current, draft, word: wordOf(current, draft), spentMs, bodies, saved: false, undone: false, error: null };
    this.set({ judged: [...judged, entry], looking: null });
    this.goOn();
    void this.behind(async () => {
      await this.send(entry);
      await this.fill();
    });
    return true;
  }

  /** Send again what could not be saved. */
  again(entry: Judged): Promise<unknown> {
    return this.behind(async () => {
      await this.send(entry);
      await this.fill();
    });
  }

  /** Put the item at the end of the queue. */
  skip(reason: string): void {
    const { current } = this.state;
    if (!current) return;
    forgetDraft(current.id);
    this.leaving.add(current.id);
    this.goOn();
    void this.behind(async () => {
      await this.server.skip(current.id, reason).finally(() => this.leaving.delete(current.id));
      await this.fill();
    });
  }

  /** Take the last judgement back, and put its item on the desk again, as it was filled in. */
  undo(): boolean {
    const { judged, current, ahead } = this.state;
    const last = judged.at(-1);
    if (!last) return false;
    last.undone = true; // what was not sent yet never will be
    this.set({ judged: judged.slice(0, -1), ahead: current ? [current, ...ahead] : ahead, looking: null });
    this.put(last.item, last.draft);
    keepDraft(last.item.id, last.draft, this.now());
    void this.behind(async () => {
      for (const { id } of [...last.bodies].reverse()) if (id) await this.server.withdraw(id);
      if (last.saved) this.set({ open: this.state.open === null ? null : this.state.open + 1 });
      await this.keep(last.item.id);
      await this.fill();
    });
    return true;
  }

  /** Keep the current item for another whole time. */
  extend(): Promise<unknown> {
    const { current } = this.state;
    return current ? this.behind(() => this.keep(current.id)) : Promise.resolve();
  }

  /** Wait until all that was asked of the server is done. */
  idle(): Promise<unknown> {
    return this.line;
  }

  /** Look at what was judged before, and come back. */
  browse(by: -1 | 1): void {
    const { judged, looking } = this.state;
    const at = (looking ?? judged.length) + by;
    this.set({ looking: at >= judged.length ? null : Math.max(0, Math.min(at, judged.length)) });
    if (judged.length === 0) this.set({ looking: null });
  }

  private goOn(): void {
    const [next, ...rest] = this.state.ahead;
    this.set({ ahead: rest });
    if (!next) return this.set({ current: null, draft: EMPTY, phase: "loading" });
    this.put(next, readDraft(next.id));
    if ((this.state.keptUntil[next.id] ?? 0) - this.now() < (this.queue.reservation_s * 1000) / 2) void this.behind(() => this.keep(next.id));
  }

  private put(item: ItemShown, draft: Draft): void {
    this.set({ current: item, draft, shownAt: this.now(), phase: "judging", notice: null });
  }

  private async keep(itemId: string): Promise<void> {
    await this.server.reserve(itemId);
    this.held(itemId);
  }

  private held(itemId: string): void {
    this.set({ keptUntil: { ...this.state.keptUntil, [itemId]: this.now() + this.queue.reservation_s * 1000 } });
  }

  private async send(entry: Judged): Promise<void> {
    if (entry.undone) return;
    this.change(entry, { error: null });
    try {
      for (const each of entry.bodies) each.id ??= await this.sendOne(entry.item.id, each.body, each.key);
    } catch (error) {
      return this.change(entry, { error });
    }
    this.change(entry, { saved: true });
    if (!entry.undone) forgetDraft(entry.item.id); // taken back while it was on its way: the draft is on the desk again
    this.set({ savedAt: this.now(), open: this.state.open === null ? null : this.state.open - 1 });
  }

  private async sendOne(itemId: string, body: Body, key: string): Promise<string> {
    try {
      return (await this.server.judge(body, key)).id;
    } catch (error) {
      if (codeOf(error) !== "annotations.reservation_expired") throw error;
      await this.server.reserve(itemId); // nobody took it meanwhile: it is ours again
      return (await this.server.judge(body, randomId())).id;
    }
  }

  /** See to it that an item is on the desk and another lies ready. */
  private async fill(): Promise<void> {
    const { current, ahead, judged } = this.state;
    if (current !== null && ahead.length > 0) return;
    const here = [current, ...ahead].filter((item) => item !== null).map((item) => item.id);
    const unsent = judged.filter((each) => !each.saved).map((each) => each.item.id);
    const { item, following, items_open } = await this.server.next(this.queue.id, Math.min(MOST_AT_ONCE, unsent.length + this.leaving.size + 2));
    const given = item ? [item, ...following] : [];
    given.forEach((each) => this.held(each.id));
    const fresh = given.filter((each) => ![...here, ...unsent].includes(each.id) && !this.leaving.has(each.id));
    this.set({ open: items_open, ahead: [...this.state.ahead, ...fresh] });
    if (this.state.current === null) {
      this.goOn();
      const isSending = this.state.judged.some((each) => !each.saved && !each.error); // what is behind in the line says the end itself
      if (this.state.current === null && !isSending) this.set({ phase: "done" });
    }
  }

  /** Do something with the server after all that was asked before. */
  private behind(work: () => Promise<unknown>): Promise<unknown> {
    this.line = this.line.then(work).catch((error: unknown) => {
      this.set(this.state.current ? { notice: error instanceof Error ? error.message : String(error) } : { phase: "failed", error });
    });
    return this.line;
  }

  private change(entry: Judged, change: Partial<Judged>): void {
    Object.assign(entry, change);
    this.set({ judged: [...this.state.judged] });
  }

  private set(change: Partial<Desk>): void {
    this.store.setState(change);
  }
}
