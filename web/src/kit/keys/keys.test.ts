import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { watchFocus } from "./guards";
import { EVERYWHERE, type Key, KeyTable } from "./registry";

let table: KeyTable;
let stop: () => void;
let at = 0;

function press(key: string, more: KeyboardEventInit = {}, target: Element = document.body): KeyboardEvent {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more });
  Object.defineProperty(event, "timeStamp", { value: (at += 10) });
  target.dispatchEvent(event);
  return event;
}

function bind(keys: string | string[], scope = "Runs", more: Partial<Key> = {}) {
  const run = vi.fn();
  table.bind(scope, () => [{ keys, label: String(keys), run, ...more }]);
  return run;
}

function add<T extends Element>(html: string): T {
  document.body.insertAdjacentHTML("beforeend", html);
  return document.body.lastElementChild as T;
}

beforeEach(() => {
  table = new KeyTable();
  const listen = (event: Event) => table.press(event as KeyboardEvent);
  window.addEventListener("keydown", listen);
  stop = () => window.removeEventListener("keydown", listen);
});

afterEach(() => { stop(); document.body.innerHTML = ""; });

describe("what a press means", () => {
  it("knows letters, signs, Shift, and Caps Lock", () => {
    const x = bind("x"), range = bind("Shift+x"), help = bind("?");
    press("X"); // Caps Lock
    press("X", { shiftKey: true });
    press("?", { shiftKey: true });
    expect([x, range, help].map((each) => each.mock.calls.length)).toEqual([1, 1, 1]);
  });

  it("reads the place of a letter where the layout is not Latin", () => {
    const j = bind("j");
    press("о", { code: "KeyJ" });
    expect(j).toHaveBeenCalledOnce();
  });

  it("waits for the second of two, and forgets the first in time", () => {
    const home = bind("g h", EVERYWHERE), h = bind("h");
    press("g"); press("h");
    expect([home.mock.calls.length, h.mock.calls.length]).toEqual([1, 0]);
    press("g"); at += 2000; press("h");
    expect([home.mock.calls.length, h.mock.calls.length]).toEqual([1, 1]);
    press("g"); press("q"); press("h"); // q ends it
    expect(home).toHaveBeenCalledOnce();
  });

  it("fires once while held, unless it moves through a list", () => {
    const save = bind("s"), down = bind("j", "Runs", { repeat: true });
    press("s", { repeat: true }); press("j", { repeat: true });
    expect([save.mock.calls.length, down.mock.calls.length]).toEqual([0, 1]);
  });

  it("wants exactly the modifiers it names", () => {
    const plain = bind("k"), palette = bind("Mod+k");
    press("k", { ctrlKey: true });
    press("k", { altKey: true });
    press("k", { metaKey: true });
    expect([plain.mock.calls.length, palette.mock.calls.length]).toEqual([0, 1]);
    expect(press("k", { ctrlKey: true }).defaultPrevented).toBe(true);
  });
});

describe("guards", () => {
  it.each([
    "<input>", "<input type=search>", "<textarea></textarea>", "<select></select>", "<div contenteditable></div>", "<div role=textbox tabindex=0></div>",
  ])("leaves letters to who types: %s", (html) => {
    const j = bind("j"), mod = bind("Mod+k");
    const field = add<HTMLElement>(html);
    expect(press("j", {}, field).defaultPrevented).toBe(false);
    press("k", { ctrlKey: true }, field);
    expect([j.mock.calls.length, mod.mock.calls.length]).toEqual([0, 1]);
  });

  it("never fires while composing", () => {
    const j = bind("j");
    press("j", { isComposing: true });
    press("j", { keyCode: 229 } as KeyboardEventInit);
    expect(j).not.toHaveBeenCalled();
  });

  it("leaves a button its keys: all where Tab went to it, Enter and Space always", () => {
    const stopWatching = watchFocus();
    const j = bind("j"), enter = bind("Enter"), close = bind("Escape");
    const button = add<HTMLButtonElement>("<button>Save</button>"), other = add<HTMLButtonElement>("<button>Other</button>");
    const click = (on: HTMLElement) => { on.dispatchEvent(new Event("pointerdown", { bubbles: true })); on.focus(); };
    press("Tab"); button.focus();
    press("j", {}, button);
    expect(j).not.toHaveBeenCalled();
    click(button); // it had the focus already
    press("j", {}, button); press("j", {}, button); press("Enter", {}, button); press("Escape", {}, button);
    expect([j, enter, close].map((each) => each.mock.calls.length)).toEqual([2, 0, 1]);
    click(other); press("j", {}, other);
    press("Tab"); button.focus();
    press("j", {}, button);
    expect(j).toHaveBeenCalledTimes(3);
    stopWatching();
  });

  it("leaves Enter to a link and letters to the page", () => {
    const j = bind("j"), enter = bind("Enter");
    const link = add("<a href='/x'>x</a>");
    press("j", {}, link); press("Enter", {}, link);
    expect([j.mock.calls.length, enter.mock.calls.length]).toEqual([1, 0]);
  });

  it("is silent under roving focus, but where the widget wants the page's keys", () => {
    const j = bind("j");
    const tree = add("<div role=tree><div role=treeitem tabindex=0></div></div>");
    press("j", {}, tree.firstElementChild!);
    expect(j).not.toHaveBeenCalled();
    tree.setAttribute("data-keys", "live");
    press("j", {}, tree.firstElementChild!);
    expect(j).toHaveBeenCalledOnce();
  });

  it.each(["<div role=dialog></div>", "<div role=alertdialog></div>", "<div role=menu></div>", "<dialog open></dialog>"])("is silent while something is open: %s", (html) => {
    const j = bind("j"), mod = bind("Mod+k");
    const open = add(html);
    press("j"); press("k", { ctrlKey: true });
    open.remove();
    expect([j.mock.calls.length, mod.mock.calls.length]).toEqual([0, 0]);
    press("j");
    expect(j).toHaveBeenCalledOnce();
  });

  it("never takes Alt with an arrow, nor what somebody else has taken", () => {
    const back = bind("Alt+ArrowLeft"), j = bind("j");
    press("ArrowLeft", { altKey: true });
    const div = add("<div></div>");
    div.addEventListener("keydown", (event) => event.preventDefault());
    press("j", {}, div);
    expect([back.mock.calls.length, j.mock.calls.length]).toEqual([0, 0]);
  });

  it("can switch single keys off, not those with modifiers or names", () => {
    const j = bind("j"), help = bind("?"), go = bind("g h"), palette = bind("Mod+k"), close = bind("Escape");
    table.prefer(false, {});
    press("j"); press("?"); press("g"); press("h"); press("k", { ctrlKey: true }); press("Escape");
    expect([j, help, go, palette, close].map((each) => each.mock.calls.length)).toEqual([0, 0, 0, 1, 1]);
  });
});

describe("the table", () => {
  it("lets the page win, and says so", () => {
    const everywhere = bind("n", EVERYWHERE), page = bind(["n", "m"], "Training");
    press("n");
    expect([everywhere.mock.calls.length, page.mock.calls.length]).toEqual([0, 1]);
    expect(table.groups()).toMatchObject([
      { scope: "Training", rows: [{ keys: ["n", "m"], label: "n,m", taken: [] }] },
      { scope: EVERYWHERE, rows: [{ keys: ["n"], label: "n", taken: ["n"] }] },
    ]);
  });

  it("forgets what is unbound or off", () => {
    const run = vi.fn();
    const unbind = table.bind("Runs", () => [{ keys: "j", label: "Next", run }]);
    const off = bind("k", "Runs", { off: true });
    unbind();
    press("j"); press("k");
    expect([run.mock.calls.length, off.mock.calls.length]).toEqual([0, 0]);
    expect(table.groups()).toEqual([]);
  });

  it("knows other keys than the page's own, and keys that are off", () => {
    const fork = bind("f", "Run", { label: "Fork" }), judge = bind("a", "Run", { label: "Judge" }), follow = bind(["w", "Escape"], "Run", { label: "Follow" });
    table.prefer(true, { Fork: "Shift+f", Judge: "", Follow: "o" });
    press("f"); press("a"); press("w");
    expect([fork, judge, follow].map((each) => each.mock.calls.length)).toEqual([0, 0, 0]);
    press("F", { shiftKey: true }); press("o"); press("Escape");
    expect([fork, judge, follow].map((each) => each.mock.calls.length)).toEqual([1, 0, 2]);
    expect(table.groups()[0]!.rows.map((row) => [row.label, row.keys])).toEqual([["Follow", ["o", "Escape"]], ["Judge", []], ["Fork", ["Shift+f"]]]); // the later wins, and stands first
    expect(["F", "A", "W", "Z", "Enter"].map((cap) => table.capOf(cap))).toEqual(["Shift+F", null, "O", "Z", "Enter"]);
  });

  it("changes none of several single keys that do one thing by their letter, but may leave them out", () => {
    const tab = bind(["1", "2"], "Run", { label: "Tabs" });
    table.prefer(true, { Tabs: "t" });
    press("1"); press("t");
    table.prefer(true, { Tabs: "" });
    press("2");
    expect(tab).toHaveBeenCalledOnce();
    expect(table.groups()[0]!.rows[0]).toMatchObject({ keys: [], change: "off" });
  });

  it("tells who watches", () => {
    const seen = vi.fn();
    const stop = table.watch(seen);
    const unbind = table.bind("Runs", () => []);
    table.prefer(true, {});
    unbind();
    stop();
    table.prefer(false, {});
    expect(seen).toHaveBeenCalledTimes(3);
  });
});
