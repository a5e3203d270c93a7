import { describe, expect, it, vi } from "vitest";

import type { Frame } from "./messages";
import { type Snapshot, Streams } from "./streams";

const piece = (text: string, offset: number, done = false): Frame => ({ kind: "serving.text", stream: "s", subject: "r", text, offset, done });

function streams(snapshots: (Snapshot | null)[] = []) {
  const ask = vi.fn(() => Promise.resolve(snapshots.shift() ?? null));
  const made = new Streams(ask, () => undefined);
  return { made, ask, text: () => made.all.get("s")?.text };
}

describe("text while it is made", () => {
  it("puts pieces together, counting as the server does", () => {
    const { made, ask, text } = streams();
    made.take(piece("Ein 🐪", 5)); made.take(piece(" geht", 10)); made.take(piece("", 10, true));
    expect([text(), made.all.get("s")?.done, ask.mock.calls.length]).toEqual(["Ein 🐪 geht", true, 0]);
  });

  it("takes no piece twice", () => {
    const { made, text } = streams();
    made.take(piece("ab", 2)); made.take(piece("ab", 2)); made.take(piece("bc", 3));
    expect(text()).toBe("abc");
  });

  it("joins late by the snapshot, and adds what came meanwhile", async () => {
    const { made, text } = streams([{ text: "Hello", start: 0, offset: 5, done: false }]);
    const loaded = made.load("s");
    made.take(piece("lo", 5)); made.take(piece(" you", 9));
    await loaded;
    expect(text()).toBe("Hello you");
  });

  it("asks where a piece was dropped", async () => {
    const { made, ask, text } = streams([{ text: "one two three", start: 0, offset: 13, done: false }]);
    made.take(piece("one", 3)); made.take(piece(" three", 13));
    await vi.waitFor(() => expect(text()).toBe("one two three"));
    expect(ask).toHaveBeenCalledOnce();
  });

  it("shows what there is where nobody has the rest", async () => {
    const { made, text } = streams([null]);
    made.take(piece("the end", 100));
    await vi.waitFor(() => expect(text()).toBe("the end"));
    expect(made.all.get("s")?.start).toBe(93);
  });

  it("begins in the middle, and drops what was cut off", () => {
    const { made, ask, text } = streams();
    made.renew([{ stream: "s", text: "Hello", start: 0, offset: 5, done: false }]);
    made.take(piece("lo you", 9));
    expect([text(), ask.mock.calls.length]).toEqual(["Hello you", 0]);
    made.take({ ...piece("whole", 5, true), stream: "over" });
    made.renew([]);
    expect([...made.all.keys()]).toEqual(["over"]);
  });
});
