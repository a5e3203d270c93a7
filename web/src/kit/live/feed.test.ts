import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { Feed, type LiveState } from "./feed";
import type { FeedEvent } from "./messages";

/** A server of the feed as docs/guide/events.md has it: numbered events, a log, sockets that can be cut. */
class FakeServer {
  log: { seq: number; event: string; subject: string; at: string }[] = [];
  kept = 0;
  up = true;
  sockets: { topics: string[]; key: string; message: (data: string) => void; close: (code: number) => void }[] = [];
  opened = 0;
  probes = 0;

  open = (url: string, protocols: string[], on: { message: (data: string) => void; close: (code: number) => void }) => {
    const query = new URL(url, "http://x").searchParams;
    const socket = { topics: query.get("topics")!.split(","), key: protocols[1]!, ...on };
    const after = query.get("after");
    this.opened += 1;
    setTimeout(() => {
      if (!this.up) return on.close(1006);
      this.sockets.push(socket);
      const from = after === null ? this.log.length : Number(after);
      this.send(socket, { type: "hello", cursor: String(from) });
      if (from < this.kept) this.send(socket, { type: "reset", cursor: String(this.log.length) });
      else this.log.slice(from).forEach((event) => this.event(socket, event));
    }, 5);
    return () => { this.sockets = this.sockets.filter((each) => each !== socket); };
  };

  publish(event: string, subject: string) {
    const made = { seq: this.log.length + 1, event, subject, at: new Date().toISOString() };
    this.log.push(made);
    this.sockets.forEach((socket) => this.event(socket, made));
  }

  frame(frame: object) { this.sockets.forEach((socket) => this.send(socket, { type: "frame", ...frame })); }

  cut(code = 1012) {
    const cut = this.sockets;
    this.sockets = [];
    cut.forEach((socket) => socket.close(code));
  }

  private event(socket: FakeServer["sockets"][number], { seq, ...event }: FakeServer["log"][number]) {
    if (socket.topics.some((topic) => event.event.startsWith(topic.split(":")[0]!))) this.send(socket, { type: "event", cursor: String(seq), payload: {}, trace_id: null, ...event });
  }

  send(socket: FakeServer["sockets"][number], message: object) { socket.message(JSON.stringify(message)); }
}

let server: FakeServer, feed: Feed, heard: string[], states: LiveState["name"][], resets: boolean[];

beforeEach(() => {
  vi.useFakeTimers({ now: new Date("2026-11-25T12:00:00Z") });
  server = new FakeServer();
  feed = new Feed({ open: server.open, probe: () => { server.probes += 1; }, random: () => 0.5 });
  heard = []; states = []; resets = [];
  feed.watch(() => { if (states.at(-1) !== feed.read().name) states.push(feed.read().name); });
  feed.onReset((first) => resets.push(first));
});

afterEach(() => { vi.useRealTimers(); });

const hear = (topics: string[]) => feed.listen({ topics, onEvent: (event: FeedEvent) => heard.push(event.subject) });

async function follow(topics = ["workflows.run"]) {
  feed.use("cx_1");
  const stop = hear(topics);
  await vi.advanceTimersByTimeAsync(50);
  return stop;
}

describe("following", () => {
  it("opens one socket for all who listen, with the key as a subprotocol", async () => {
    hear(["workflows.run"]); hear(["workflows.run:7", "training"]); hear(["workflows.run"]);
    await follow();
    expect(server.opened).toBe(1);
    expect(server.sockets[0]).toMatchObject({ topics: ["training", "workflows.run"], key: "camel-ext.key.cx_1" });
    expect([states, resets]).toEqual([["connecting", "live"], [true]]);
  });

  it("hands an event to who asked for it", async () => {
    await follow(["workflows.run"]);
    feed.listen({ topics: ["training"], onEvent: () => { throw new Error("not asked for"); } });
    server.publish("workflows.run.started", "a");
    server.publish("workflows.runs", "b");
    expect(heard).toEqual(["a"]);
  });

  it("takes a wider wish up at the cursor: nothing lost, nothing twice", async () => {
    await follow(["workflows.run"]);
    server.publish("workflows.run.started", "a");
    hear(["training"]);
    await vi.advanceTimersByTimeAsync(31); // the old socket is gone, the new one not yet there
    server.publish("workflows.run.started", "b");
    server.publish("training.training.started", "c");
    await vi.advanceTimersByTimeAsync(50);
    server.publish("training.training.finished", "d");
    expect([heard, server.opened, states]).toEqual([["a", "b", "c", "d"], 2, ["connecting", "live"]]);
  });

  it("goes on when a listener breaks", async () => {
    const said = vi.spyOn(console, "error").mockImplementation(() => undefined);
    feed.listen({ topics: ["workflows.run"], onEvent: () => { throw new Error("mine"); } });
    await follow();
    server.publish("workflows.run.started", "a");
    expect([heard, said.mock.calls.length]).toEqual([["a"], 1]);
    said.mockRestore();
  });

  it("gives frames to who follows their subject", async () => {
    await follow();
    const frames: string[] = [];
    feed.listen({ topics: ["serving.text:run-1"], onFrame: (frame) => frames.push(frame.text) });
    await vi.advanceTimersByTimeAsync(50);
    server.frame({ kind: "serving.text", stream: "run-1/x", subject: "run-1", offset: 2, text: "Hi", done: false });
    server.frame({ kind: "serving.text", stream: "run-2/x", subject: "run-2", offset: 2, text: "No", done: false });
    expect(frames).toEqual(["Hi"]);
  });
});

describe("coming back", () => {
  it("loses and doubles nothing over restarts of the server", async () => {
    await follow();
    for (let restart = 0; restart < 5; restart += 1) {
      server.publish("workflows.run.started", `before ${restart}`);
      server.up = false;
      server.cut(restart % 2 ? 1012 : 1006);
      server.publish("workflows.run.finished", `while away ${restart}`);
      await vi.advanceTimersByTimeAsync(restart * 2000);
      server.up = true;
      await vi.advanceTimersByTimeAsync(20_000);
      expect(feed.read()).toEqual({ name: "live" });
    }
    expect(heard).toEqual([0, 1, 2, 3, 4].flatMap((at) => [`before ${at}`, `while away ${at}`]));
    expect(resets).toEqual([true]);
  });

  it("says what happens: lost, catching up, back, live", async () => {
    await follow();
    server.up = false;
    server.cut();
    const lost = feed.read();
    expect(lost).toEqual({ name: "lost", sinceMs: Date.now() });
    for (let at = 0; at < 214; at += 1) server.publish("workflows.run.started", String(at));
    await vi.advanceTimersByTimeAsync(12_000);
    expect(feed.read()).toEqual(lost); // since when does not move
    server.up = true;
    states = [];
    let most = 0;
    feed.watch(() => { const state = feed.read(); if (state.name === "catching up") most = state.events; });
    await vi.advanceTimersByTimeAsync(20_000);
    expect([states, most]).toEqual([["catching up", "back", "live"], 214]);
  });

  it("waits longer each time, never beyond 15 s, and not all at once", async () => {
    await follow();
    server.up = false;
    server.cut();
    const tries: number[] = [];
    for (let at = 0; at < 90; at += 1) {
      const before = server.opened;
      await vi.advanceTimersByTimeAsync(1000);
      tries.push(server.opened - before);
    }
    const count = tries.reduce((sum, each) => sum + each, 0);
    expect(count).toBeGreaterThan(8);
    expect(count).toBeLessThan(14);
    expect(server.probes).toBe(count); // each might be a refused key
  });

  it("reads everything anew where too much was missed", async () => {
    await follow();
    server.cut();
    server.publish("workflows.run.started", "gone");
    server.kept = 5;
    await vi.advanceTimersByTimeAsync(1000);
    expect([heard, resets, feed.read()]).toEqual([[], [true, false], { name: "back", anew: true }]);
    server.publish("workflows.run.started", "new");
    expect(heard).toEqual(["new"]);
  });

  it("takes a silent socket for dead", async () => {
    await follow();
    server.sockets = []; // the network went away without a word
    server.publish("workflows.run.started", "unheard");
    await vi.advanceTimersByTimeAsync(39_000);
    expect(heard).toEqual([]);
    await vi.advanceTimersByTimeAsync(2000);
    expect(heard).toEqual(["unheard"]);
  });

  it("costs nothing while paused, and catches up after", async () => {
    await follow();
    feed.pause(true);
    server.publish("workflows.run.started", "hidden");
    await vi.advanceTimersByTimeAsync(600_000);
    expect([server.sockets.length, server.opened]).toEqual([0, 1]);
    feed.pause(false);
    await vi.advanceTimersByTimeAsync(50);
    expect([heard, server.opened]).toEqual([["hidden"], 2]);
  });

  it("forgets the place with the key: another one may be another's", async () => {
    await follow();
    server.publish("workflows.run.started", "a");
    feed.use(null);
    expect(feed.read()).toEqual({ name: "off" });
    server.publish("workflows.run.started", "b");
    feed.use("cx_2");
    await vi.advanceTimersByTimeAsync(50);
    expect([heard, resets, server.sockets[0]?.key]).toEqual([["a"], [true, true], "camel-ext.key.cx_2"]);
  });

  it("does not ask again for what can never be", async () => {
    feed.use("cx_1"); hear(["nonsense"]);
    await vi.advanceTimersByTimeAsync(36);
    server.send(server.sockets[0]!, { type: "error", code: "events.unknown_topic", detail: "no event has the topic" });
    server.cut(1008);
    await vi.advanceTimersByTimeAsync(60_000);
    expect([feed.read().name, server.opened]).toEqual(["refused", 1]);
  });
});
