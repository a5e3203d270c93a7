import { beforeEach, describe, expect, it } from "vitest";

import type { ItemShown } from "@/kit/api/schema";

import { readDraft } from "./autosave";
import { DeskKeeper, type Server } from "./desk";
import type { Body } from "./draft";

const QUEUE = { id: "queue", blind: true, guideline_version: null, reservation_s: 900 };
const item = (id: string) => ({ id, queue_id: "queue", kind: "choice", interaction_ids: [`${id}1`, `${id}2`], reserved_until: null, done_at: null, annotation_id: null, subjects: [] }) as unknown as ItemShown;

/** A server that keeps a queue, in memory; `refuse` makes the next judgement fail. */
class FakeServer implements Server {
  asked: string[] = [];
  written: Body[] = [];
  refuse: unknown[] = [];
  held = new Set<string>();
  constructor(public left: string[]) {}
  async next(_queue: string, count: number) {
    const given = [...this.left.filter((id) => this.held.has(id)), ...this.left.filter((id) => !this.held.has(id))].slice(0, count);
    given.forEach((id) => this.held.add(id));
    this.asked.push(`next ${count}`);
    const [first, ...following] = given.map(item);
    return { item: first ?? null, following, items_open: this.left.length };
  }
  async reserve(id: string) { this.asked.push(`reserve ${id}`); }
  async skip(id: string, reason: string) { this.asked.push(`skip ${id} ${reason}`); this.held.delete(id); this.left = [...this.left.filter((each) => each !== id), id]; }
  async judge(body: Body) {
    const refused = this.refuse.shift();
    if (refused) throw refused;
    this.asked.push(`judge ${String(body.queue_item_id ?? body.kind)}`);
    this.written.push(body);
    this.left = this.left.filter((each) => each !== body.queue_item_id);
    return { id: `of ${String(body.queue_item_id ?? body.kind)}` };
  }
  async withdraw(id: string) { this.asked.push(`withdraw ${id}`); this.left = [id.slice(3), ...this.left]; }
}

async function seated(server: Server, now: () => number = Date.now) {
  const desk = new DeskKeeper(QUEUE, server, now);
  await desk.start();
  return desk;
}

beforeEach(() => localStorage.clear());

describe("the desk", () => {
  it("has the next item ready, and shows it before the server has answered", async () => {
    const desk = await seated(new FakeServer(["a", "b", "c"]));
    expect([desk.state.current?.id, desk.state.ahead.map((each) => each.id)]).toEqual(["a", ["b"]]);
    desk.say({ choice: "first" });
    expect(desk.save()).toBe(true);
    expect(desk.state.current?.id).toBe("b");
    expect(desk.state.judged[0]?.saved).toBe(false);
    await desk.idle();
    expect([desk.state.judged[0]?.saved, desk.state.ahead[0]?.id, desk.state.open]).toEqual([true, "c", 2]);
  });

  it("saves nothing while something is missing, and says what", async () => {
    const server = new FakeServer(["a"]);
    const desk = await seated(server);
    expect(desk.save()).toBe(false);
    expect(desk.state.notice).toMatch(/Choose first/);
    expect(server.written).toEqual([]);
  });

  it("ends when nothing is left, and measures the time of each", async () => {
    let time = 1000;
    const server = new FakeServer(["a"]);
    const desk = await seated(server, () => time);
    time = 6200;
    desk.say({ choice: "tie" });
    desk.save();
    await desk.idle();
    expect(desk.state.phase).toBe("done");
    expect(server.written[0]).toMatchObject({ choice: "tie", time_spent_ms: 5200 });
  });

  it("takes the last one back with its corrections, in the state it was in", async () => {
    const server = new FakeServer(["a", "b"]);
    const desk = await seated(server);
    desk.say({ choice: "second", corrections: { a1: "Paris." } });
    desk.save();
    await desk.idle();
    desk.say({ rationale: "half" });
    expect(desk.undo()).toBe(true);
    expect([desk.state.current?.id, desk.state.draft.choice, desk.state.ahead.map((each) => each.id)]).toEqual(["a", "second", ["b"]]);
    await desk.idle();
    expect(desk.state.open).toBe(2);
    expect(server.asked.slice(-3)).toEqual(["withdraw of a", "withdraw of correction", "reserve a"]);
    expect(readDraft("b").rationale).toBe("half");
    expect(readDraft("a").choice).toBe("second");
  });

  it("sends nothing of what was taken back at once", async () => {
    const server = new FakeServer(["a", "b"]);
    const desk = await seated(server);
    desk.say({ choice: "second" });
    desk.save();
    desk.undo();
    await desk.idle();
    expect([server.written.length, desk.state.current?.id, readDraft("a").choice]).toEqual([0, "a", "second"]);
  });

  it("keeps what could not be saved, goes on, and saves it when asked again", async () => {
    const server = new FakeServer(["a", "b", "c"]);
    const desk = await seated(server);
    server.refuse = [new Error("away")];
    desk.say({ choice: "first" });
    desk.save();
    await desk.idle();
    const [entry] = desk.state.judged;
    expect([entry?.saved, desk.state.current?.id, readDraft("a").choice]).toEqual([false, "b", "first"]);
    await desk.again(entry!);
    expect([entry?.saved, server.written.length, readDraft("a").choice]).toEqual([true, 1, null]);
  });

  it("takes an item again whose time was over, if nobody else has it", async () => {
    const server = new FakeServer(["a", "b"]);
    const desk = await seated(server);
    server.refuse = [Object.assign(new Error("late"), { code: "annotations.reservation_expired" })];
    desk.say({ choice: "first" });
    desk.save();
    await desk.idle();
    expect(server.asked).toContain("reserve a");
    expect(desk.state.judged[0]?.saved).toBe(true);
  });

  it("skips to the end with a reason", async () => {
    const server = new FakeServer(["a", "b", "c"]);
    const desk = await seated(server);
    desk.skip("no context");
    expect(desk.state.current?.id).toBe("b");
    await desk.idle();
    expect([server.left, server.asked.includes("skip a no context")]).toEqual([["b", "c", "a"], true]);
  });

  it("does not take an item again that is on its way back to the queue", async () => {
    const server = new FakeServer(["a", "b", "c", "d"]);
    const desk = await seated(server);
    desk.say({ choice: "first" });
    desk.save(); // what follows is asked for when b is being skipped already
    desk.skip("no context");
    await desk.idle();
    expect([desk.state.current?.id, desk.state.ahead.map((each) => each.id)]).toEqual(["c", ["d"]]);
  });

  it("keeps an item longer that lay ready for more than half its time", async () => {
    let time = 0;
    const server = new FakeServer(["a", "b", "c"]);
    const desk = await seated(server, () => time);
    time = 500_000;
    desk.say({ choice: "first" });
    desk.save();
    await desk.idle();
    expect(server.asked).toContain("reserve b");
    expect(desk.state.keptUntil.b).toBe(1_400_000);
  });

  it("looks back and forward, and never beyond", async () => {
    const desk = await seated(new FakeServer(["a", "b", "c"]));
    desk.browse(-1);
    expect(desk.state.looking).toBeNull();
    for (let n = 0; n < 2; n += 1) { desk.say({ choice: "first" }); desk.save(); await desk.idle(); }
    desk.browse(-1); desk.browse(-1); desk.browse(-1);
    expect(desk.state.looking).toBe(0);
    desk.browse(1); desk.browse(1);
    expect(desk.state.looking).toBeNull();
  });
});
