import { beforeEach, describe, expect, it } from "vitest";

import type { ItemShown } from "@/kit/api/schema";

import { forgetDraft, keepDraft, prune, readDraft } from "./autosave";
import { bodiesOf, EMPTY, missing, reasonsOf, textOf, wordOf } from "./draft";
import { actionOf } from "./keys";
import { groupsOf, nudge, orderOf, place, rank } from "./ranking";

const IDS = ["p", "q", "r"];
const item = (kind: ItemShown["kind"], interaction_ids = IDS.slice(0, 2)) =>
  ({ id: "item", queue_id: "queue", kind, interaction_ids, reserved_until: null, done_at: null, annotation_id: null, subjects: [] }) as ItemShown;
const QUEUE = { blind: true, guideline_version: "v3" };

describe("ranking", () => {
  it("takes numbers in any order, and ties share one", () => {
    const ranks = rank(rank(rank({}, "p", 1), "q", 3), "r", 1);
    expect(groupsOf(ranks, IDS)).toEqual([["p", "r"], ["q"]]);
    expect(orderOf(ranks, IDS)).toEqual(["p", "r", "q"]);
  });
  it("keeps a gap while it is typed, so that the third number lands between", () => {
    expect(groupsOf(rank(rank(rank({}, "p", 1), "q", 3), "r", 2), IDS)).toEqual([["p"], ["r"], ["q"]]);
  });
  it("moves half a step: into a tie, then out of it", () => {
    const tied = nudge({}, IDS, "q", -1);
    expect(groupsOf(tied, IDS)).toEqual([["p", "q"], ["r"]]);
    expect(groupsOf(nudge(tied, IDS, "q", -1), IDS)).toEqual([["q"], ["p"], ["r"]]);
    expect(groupsOf(nudge(tied, IDS, "q", 1), IDS)).toEqual([["p"], ["q"], ["r"]]);
  });
  it("stops at both ends", () => {
    expect(groupsOf(nudge({}, IDS, "p", -1), IDS)).toEqual([["p"], ["q"], ["r"]]);
    expect(groupsOf(nudge({}, IDS, "r", 1), IDS)).toEqual([["p"], ["q"], ["r"]]);
  });
  it("drops a dragged answer at the place of another, and leaves the ties of others", () => {
    expect(groupsOf(place({}, IDS, "r", "p"), IDS)).toEqual([["r"], ["p"], ["q"]]);
    expect(groupsOf(place({}, IDS, "p", "r"), IDS)).toEqual([["q"], ["r"], ["p"]]);
    expect(groupsOf(place({ p: 1, q: 1, r: 2 }, IDS, "r", "p"), IDS)).toEqual([["r"], ["p", "q"]]);
  });
});

describe("keys", () => {
  it.each([["1", "first"], ["a", "first"], ["2", "second"], ["b", "second"], ["3", "tie"], ["t", "tie"], ["4", "both_bad"]])(
    "chooses with %s", (key, choice) => expect(actionOf("choice", 2, key)).toEqual({ do: "choose", choice }));
  it("gives reasons, and knows nothing of the rest of the keyboard", () => {
    expect(actionOf("choice", 2, "w")).toEqual({ do: "reason", at: 1 });
    for (const key of ["5", "g", "z", "n", "Escape", "Tab", "Space", "ArrowUp", "/", "?"]) expect(actionOf("choice", 2, key)).toBeNull();
  });
  it("lets an answer's letter win over a reason, but only where there is such an answer", () => {
    expect(actionOf("ranking", 5, "e")).toEqual({ do: "pick", at: 4 });
    expect(actionOf("ranking", 3, "e")).toEqual({ do: "reason", at: 2 });
    expect(actionOf("ranking", 3, "c")).toEqual({ do: "pick", at: 2 });
    expect(actionOf("ranking", 3, "Shift+c")).toEqual({ do: "correct", other: true });
    expect(actionOf("ranking", 3, "ArrowDown")).toEqual({ do: "nudge", by: 1 });
    expect(actionOf("ranking", 18, "s")).toEqual({ do: "skip" });
  });
  it("scores from 1 to 9, thumbs with 1 and 2", () => {
    expect(actionOf("rating", 1, "9")).toEqual({ do: "rate", rating: 9 });
    expect(actionOf("rating", 1, "0")).toBeNull();
    expect(actionOf("thumbs", 1, "2")).toEqual({ do: "thumb", up: false });
    expect(actionOf("thumbs", 1, "3")).toBeNull();
  });
});

describe("a draft", () => {
  it("says what is missing until it can be saved", () => {
    expect(missing(item("choice"), EMPTY)).toMatch(/1, 2, 3 or 4/);
    expect(missing(item("choice"), { ...EMPTY, choice: "tie" })).toBeNull();
    expect(missing(item("ranking", IDS), { ...EMPTY, ranks: { p: 1, q: 2 } })).not.toBeNull();
    expect(missing(item("correction", ["p"]), { ...EMPTY, corrections: { p: "  " } })).not.toBeNull();
    expect(missing(item("correction", ["p"]), { ...EMPTY, corrections: { other: "Paris." } })).not.toBeNull();
  });
  it("sends the order that was shown, the time, and its corrections before the answer", () => {
    const bodies = bodiesOf(item("choice"), { ...EMPTY, choice: "both_bad", corrections: { q: "Paris." }, reasons: ["Clearer"], rationale: " both wrong " }, QUEUE, 5200.4);
    expect(bodies.map((body) => [body.kind, body.queue_item_id])).toEqual([["correction", undefined], ["choice", "item"]]);
    expect(bodies[0]).toMatchObject({ interaction_ids: ["q"], text: "Paris.", blind: true });
    expect(bodies[1]).toMatchObject({ interaction_ids: ["p", "q"], choice: "both_bad", time_spent_ms: 5200, guideline_version: "v3", rationale: "Clearer. both wrong" });
  });
  it("answers a correction's item with the text itself", () => {
    expect(bodiesOf(item("correction", ["p"]), { ...EMPTY, corrections: { p: "Paris." } }, QUEUE, 1)).toMatchObject([{ kind: "correction", queue_item_id: "item", text: "Paris." }]);
  });
  it("says itself in a word", () => {
    expect(wordOf(item("ranking", IDS), { ...EMPTY, ranks: { p: 2, q: 1, r: 2 } })).toBe("B > A=C");
    expect(wordOf(item("rating", ["p"]), { ...EMPTY, rating: 4 })).toBe("4 of 9");
  });
  it("reads reasons from the guideline, else has four of its own", () => {
    expect(reasonsOf("Be kind.\nReasons: Kinder, Truer; Safe.")).toEqual(["Kinder", "Truer", "Safe"]);
    expect(reasonsOf("Be kind.")).toHaveLength(4);
  });
  it("shows parts and calls of tools as text", () => {
    expect(textOf({ content: [{ type: "text", text: "a" }, { type: "image" }] })).toBe("a");
    expect(textOf({ content: null, tool_calls: [{ id: "1" }] })).toContain('"id": "1"');
  });
});

describe("autosave", () => {
  beforeEach(() => localStorage.clear());
  it("comes back after a reload, and is gone once saved", () => {
    keepDraft("i", { ...EMPTY, rationale: "half a sen" });
    expect(readDraft("i").rationale).toBe("half a sen");
    forgetDraft("i");
    expect(readDraft("i")).toEqual(EMPTY);
  });
  it("forgets what became empty, and survives what it cannot read", () => {
    keepDraft("i", { ...EMPTY, choice: "tie" });
    keepDraft("i", EMPTY);
    expect(localStorage.length).toBe(0);
    localStorage.setItem("camel-ext.judging.j", "{broken");
    expect(readDraft("j")).toEqual(EMPTY);
  });
  it("reads a draft of an older shape", () => {
    localStorage.setItem("camel-ext.judging.i", JSON.stringify({ at: 1, draft: { rationale: "old" } }));
    expect(readDraft("i")).toEqual({ ...EMPTY, rationale: "old" });
  });
  it("forgets drafts of a week ago and beyond fifty, oldest first, and nothing else", () => {
    localStorage.setItem("camel-ext.key", "cx_1");
    localStorage.setItem("camel-ext.configuration.main", "typed, and not applied");
    keepDraft("old", { ...EMPTY, choice: "tie" }, 0);
    for (let at = 0; at < 52; at += 1) keepDraft(`n${at}`, { ...EMPTY, choice: "tie" }, 8 * 86_400_000 + at);
    prune(8 * 86_400_000 + 100);
    expect([readDraft("old"), readDraft("n0"), readDraft("n1")]).toEqual([EMPTY, EMPTY, EMPTY]);
    expect(readDraft("n2").choice).toBe("tie");
    expect(localStorage.getItem("camel-ext.key")).toBe("cx_1");
    expect(localStorage.getItem("camel-ext.configuration.main")).toBe("typed, and not applied");
  });
});
