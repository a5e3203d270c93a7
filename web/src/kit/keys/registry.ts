/**
 * The one table of keys: what binds them is what documents them. Not: what a key does.
 * A page's key wins over one of the same letter that is bound everywhere; the later page wins over the earlier.
 */
import { guarded } from "./guards";

export interface Key {
  /** "j", "Shift+x", "Mod+k" (Ctrl, or Cmd on a Mac), "Escape", "g h" (one after the other); several do the same. */
  keys: string | string[];
  /** What it does, as the sheet of keys says it. */
  label: string;
  run: (event: KeyboardEvent) => void;
  /** Fire again while held (moving through a list). */
  repeat?: boolean;
  /** Off for now; the sheet leaves it out. */
  off?: boolean;
}

interface Row {
  keys: string[]; label: string; /** Keys of it that a page uses otherwise. */ taken: string[]; run: () => void;
  /** What can be done with it: another key, none, or neither (it is no single key). */ change: "any" | "off" | null;
}
export interface Group { scope: string; rows: Row[] }

export const EVERYWHERE = "Everywhere";
const SEQUENCE_MS = 1500;
const IS_MAC = typeof navigator !== "undefined" && /Mac|iPhone|iPad/.test(navigator.userAgent);

interface Bound { scope: string; keys: () => Key[] }

/** The name of the pressed key, as bindings spell it: "x", "Shift+x", "?", "Mod+k", "ArrowDown". */
export function nameOf(event: KeyboardEvent): string {
  let key = event.key;
  if (key.length === 1 && key > "\u007f" && /^Key[A-Z]$/.test(event.code)) key = event.code.slice(3); // ж where QWERTY has ;
  const letter = /^[a-z]$/i.test(key);
  const named = key.length > 1 || key === " ";
  const parts = [
    (IS_MAC ? event.metaKey : event.ctrlKey) && "Mod",
    (IS_MAC ? event.ctrlKey && "Ctrl" : event.metaKey && "Meta"),
    event.altKey && "Alt",
    event.shiftKey && (letter || named) && "Shift", // a symbol has its Shift in itself
    letter ? key.toLowerCase() : key === " " ? "Space" : key,
  ];
  return parts.filter(Boolean).join("+");
}

/** A single printable key, which may be switched off or be another (WCAG 2.1.4). */
export function isSingle(name: string): boolean {
  return name.length === 1 || /^Shift\+.$/.test(name);
}

export class KeyTable {
  /** Whether single letters, digits and signs do anything. */
  private single = true;
  /** Other single keys, by what they do; empty switches one off. */
  private remapped: Readonly<Record<string, string>> = {};
  private bound: Bound[] = [];
  private first: { name: string; at: number } | null = null;
  private readonly watchers = new Set<() => void>();
  private changes = 0;

  bind(scope: string, keys: () => Key[]): () => void {
    const entry = { scope, keys };
    this.bound.push(entry);
    this.changed();
    return () => { this.bound = this.bound.filter((each) => each !== entry); this.changed(); };
  }

  /** Take what somebody prefers. */
  prefer(single: boolean, remapped: Readonly<Record<string, string>>): void {
    this.single = single;
    this.remapped = remapped;
    this.changed();
  }

  readonly watch = (act: () => void): (() => void) => {
    this.watchers.add(act);
    return () => { this.watchers.delete(act); };
  };

  /** How often something of it has changed. */
  readonly read = (): number => this.changes;

  private changed(): void {
    this.changes += 1;
    for (const act of [...this.watchers]) act();
  }

  /** What stands on the cap of a key that is written "F" where it is bound; null where it does nothing. */
  capOf(cap: string): string | null {
    const name = /^[A-Z]$/.test(cap) ? cap.toLowerCase() : cap;
    if (!isSingle(name)) return cap;
    if (!this.single) return null;
    const key = this.bound.flatMap(({ keys }) => keys()).find((each) => own(each).includes(name) && this.remapped[each.label] !== undefined);
    if (!key) return cap;
    const now = this.spelled(key).find(isSingle);
    return now === undefined ? null : now.replace(/[a-z]$/, (letter) => letter.toUpperCase());
  }

  /** Find what the event means and do it. */
  press(event: KeyboardEvent): void {
    if (["Control", "Shift", "Alt", "Meta", "CapsLock", "AltGraph"].includes(event.key)) return;
    const name = nameOf(event);
    const first = this.first && event.timeStamp - this.first.at < SEQUENCE_MS ? this.first.name : null;
    this.first = null;
    if (guarded(event, name) || (!this.single && isSingle(name))) return;
    const found = first ? this.find(`${first} ${name}`) : this.find(name);
    if (found) {
      if (event.repeat && !found.repeat) return;
      event.preventDefault();
      found.run(event);
    } else if (!first && !event.repeat && this.begins(name)) {
      event.preventDefault();
      this.first = { name, at: event.timeStamp };
    }
  }

  /** What the sheet shows: the page's keys first. */
  groups(): Group[] {
    const groups = new Map<string, Row[]>();
    const all = this.all();
    for (const { scope, key } of all) {
      const keys = this.spelled(key), singles = own(key).filter(isSingle).length;
      const taken = keys.filter((name) => all.find((each) => this.spelled(each.key).includes(name))?.key !== key);
      const rows = groups.get(scope) ?? [];
      const change = singles === 0 ? null : singles === 1 ? "any" : "off";
      if (!rows.some((row) => row.label === key.label)) rows.push({ keys, label: key.label, taken, run: () => key.run(eventOf(own(key)[0]!)), change });
      groups.set(scope, rows);
    }
    return [...groups].map(([scope, rows]) => ({ scope, rows }));
  }

  /** What has the first key and waits for a second one. */
  get waiting(): string | null {
    return this.first?.name ?? null;
  }

  private find(name: string): Key | undefined {
    return this.all().find(({ key }) => this.spelled(key).includes(name))?.key;
  }

  /** Its keys as somebody likes them: only single ones can be others, and of several only all be off. */
  private spelled(key: Key): string[] {
    const keys = own(key), other = this.remapped[key.label];
    if (other === undefined) return keys;
    const rest = keys.filter((name) => !isSingle(name));
    if (other === "") return rest;
    return keys.length - rest.length === 1 ? [other, ...rest] : keys;
  }

  private begins(name: string): boolean {
    return this.all().some(({ key }) => this.spelled(key).some((each) => each.startsWith(`${name} `)));
  }

  /** Every key that is on, the strongest first. */
  private all(): { scope: string; key: Key }[] {
    const late = [...this.bound].reverse();
    const ordered = [...late.filter((each) => each.scope !== EVERYWHERE), ...late.filter((each) => each.scope === EVERYWHERE)];
    return ordered.flatMap(({ scope, keys }) => keys().filter((key) => !key.off).map((key) => ({ scope, key })));
  }
}

/** A press of that key, for who chooses it by name. */
function eventOf(name: string): KeyboardEvent {
  const parts = name.split(" ").at(-1)!.split("+");
  return new KeyboardEvent("keydown", { key: parts.at(-1)!, shiftKey: parts.includes("Shift") });
}

function own(key: Key): string[] {
  return typeof key.keys === "string" ? [key.keys] : key.keys;
}

/** The table of this page. */
export const table = new KeyTable();
