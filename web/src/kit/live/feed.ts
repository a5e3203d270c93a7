/**
 * The one client of the live feed in this page: one socket for all who listen, a cursor that is kept after each
 * event was acted on, and a way back without a hole or a double. Not: what an event means to a screen.
 */
import { covers, fewest, type FeedEvent, type Frame, type Message } from "./messages";

export type LiveState =
  | { name: "off" | "connecting" | "live" }
  | { name: "catching up"; events: number }
  | { name: "lost"; sinceMs: number }
  | { name: "back"; /** Too much was missed, so everything was read anew. */ anew: boolean }
  | { name: "refused"; detail: string };

export interface Outside {
  /** Open a socket and return what closes it. */
  open: (url: string, protocols: string[], on: { message: (data: string) => void; close: (code: number) => void }) => () => void;
  /** Ask whether the key still counts; called after a connection that never opened. */
  probe: () => void;
  random: () => number;
}

interface Listener {
  topics: readonly string[];
  /** Also what others asked for. */
  hears?: readonly string[];
  onEvent?: (event: FeedEvent) => void;
  onFrame?: (frame: Frame) => void;
}

const FIRST_MS = 500;
const LONGEST_MS = 15_000;
const SILENCE_MS = 40_000; // the server pings after 15 s of silence
const LEVEL_MS = 200; // no event for so long after a return: level
const BACK_MS = 2000;
const JOIN_MS = 30; // a page's listeners come in one breath

export class Feed {
  private state: LiveState = { name: "off" };
  private readonly watchers = new Set<() => void>();
  private readonly listeners = new Set<Listener>();
  private readonly resets = new Set<(first: boolean) => void>();
  private key: string | null = null;
  private wire: { close: () => void } | null = null;
  private asked: string[] = [];
  private cursor: string | null = null;
  private failures = 0;
  private heard = false;
  private paused = false;
  private returning: { fromMs: number; events: number; anew: boolean } | null = null;
  private timers: Partial<Record<"retry" | "silence" | "level" | "back" | "join", ReturnType<typeof setTimeout>>> = {};

  constructor(private readonly outside: Outside) {}

  /** Follow with this key; null: stop. */
  use(key: string | null): void {
    if (key === this.key) return;
    this.key = key;
    this.cursor = null;
    this.failures = 0;
    this.asked = [];
    this.drop();
    this.join();
    this.show({ name: key ? "connecting" : "off" });
  }

  /** Let go of the socket while nobody looks; `false` comes back with the cursor. */
  pause(paused: boolean): void {
    if (paused === this.paused) return;
    this.paused = paused;
    if (paused) this.drop();
    else if (this.key) this.connect();
  }

  /** Try again now: the network is back, or the user asked. */
  retry(): void {
    if (this.key && !this.paused && !this.wire) this.connect();
  }

  listen(listener: Listener): () => void {
    this.listeners.add(listener);
    this.join();
    return () => { this.listeners.delete(listener); };
  }

  /** Call back when things must be read anew; `first`: the feed has just begun, and says nothing of what was before. */
  onReset(act: (first: boolean) => void): () => void {
    this.resets.add(act);
    return () => { this.resets.delete(act); };
  }

  readonly watch = (act: () => void): (() => void) => {
    this.watchers.add(act);
    return () => { this.watchers.delete(act); };
  };

  readonly read = (): LiveState => this.state;

  private get wanted(): string[] {
    return fewest([...this.listeners].flatMap((listener) => listener.topics));
  }

  /** Ask for more than the open socket was asked for: a new one takes over at the cursor. */
  private join(): void {
    if (this.timers.join !== undefined) return;
    this.timers.join = setTimeout(() => {
      delete this.timers.join;
      const more = this.wanted.some((topic) => !fewest([...this.asked, topic]).every((each) => this.asked.includes(each)));
      if (more && this.key && !this.paused && this.timers.retry === undefined) this.connect();
    }, JOIN_MS);
  }

  private connect(): void {
    this.drop();
    this.asked = this.wanted;
    if (this.asked.length === 0) return; // join() comes when somebody listens
    const query = new URLSearchParams({ topics: this.asked.join(",") });
    if (this.cursor) query.set("after", this.cursor);
    const wire = { close: (): void => undefined };
    this.wire = wire;
    this.heard = false;
    wire.close = this.outside.open(`/api/v1/events?${query}`, ["camel-ext", `camel-ext.key.${this.key}`], {
      message: (data) => { if (this.wire === wire) this.take(JSON.parse(data) as Message); },
      close: (code) => { if (this.wire === wire) this.closed(code); },
    });
    this.expect();
  }

  private drop(): void {
    const wire = this.wire;
    this.wire = null; // what still comes from it is not ours
    for (const name of ["retry", "silence", "level"] as const) this.stop(name);
    wire?.close();
  }

  private closed(code: number): void {
    const never = !this.heard;
    this.drop();
    this.returning = null;
    this.stop("back");
    if (code === 1008 && this.state.name === "refused") return;
    if (never || code === 1008) this.outside.probe();
    if (this.state.name !== "lost") this.show({ name: "lost", sinceMs: Date.now() });
    const longest = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.failures++);
    this.later("retry", longest * (0.5 + this.outside.random() / 2), () => this.connect());
  }

  private take(message: Message): void {
    this.expect();
    if (message.type === "frame") return this.frame(message);
    if (message.type === "error") return this.error(message.code, message.detail);
    if (message.type === "event") this.event(message);
    if (message.type === "reset") this.reset();
    const first = message.type === "hello" && this.cursor === null;
    this.cursor = message.cursor; // only now: it has been acted on
    if (message.type === "hello") this.hello(first);
    else if (message.type === "ping") this.level();
  }

  private error(code: string, detail: string): void {
    if (code === "events.unknown_topic") this.show({ name: "refused", detail }); // no use to ask again
    if (code === "events.bad_cursor") {
      this.cursor = null;
      this.reset();
    }
  }

  private reset(): void {
    if (this.returning) this.returning.anew = true;
    this.each(this.resets, (act) => act(false));
  }

  private hello(first: boolean): void {
    this.heard = true;
    this.failures = 0;
    if (first) {
      this.show({ name: "live" });
      this.each(this.resets, (act) => act(true));
    } else if (this.state.name === "lost") {
      this.returning = { fromMs: Date.now(), events: 0, anew: false };
      this.later("level", LEVEL_MS, () => this.level());
    } else if (this.state.name === "refused") this.show({ name: "live" });
  }

  private event(message: FeedEvent): void {
    this.each(this.listeners, ({ topics, hears = topics, onEvent }) => {
      if (onEvent && covers(hears, message.event, message.subject)) onEvent(message);
    });
    if (!this.returning) return;
    this.returning.events += 1;
    if (Date.parse(message.at) > this.returning.fromMs) return this.level();
    this.show({ name: "catching up", events: this.returning.events });
    this.later("level", LEVEL_MS, () => this.level());
  }

  private frame(frame: Frame): void {
    this.each(this.listeners, ({ topics, onFrame }) => {
      if (onFrame && covers(topics, frame.kind, frame.stream, frame.subject)) onFrame(frame);
    });
  }

  private level(): void {
    this.stop("level");
    if (!this.returning) return;
    const { anew } = this.returning;
    this.returning = null;
    this.show({ name: "back", anew });
    this.later("back", BACK_MS, () => this.show({ name: "live" }));
  }

  /** A socket that says nothing for long is dead, though nobody closed it. */
  private expect(): void {
    const wire = this.wire;
    this.later("silence", SILENCE_MS, () => { if (this.wire === wire) this.closed(1006); });
  }

  private each<T>(all: Set<T>, act: (one: T) => void): void {
    for (const one of [...all]) {
      try {
        act(one);
      } catch (error) {
        console.error("a listener of the live feed broke", error); // the others still hear
      }
    }
  }

  private show(state: LiveState): void {
    this.state = state;
    this.each(this.watchers, (act) => act());
  }

  private later(name: keyof typeof this.timers, ms: number, act: () => void): void {
    this.stop(name);
    this.timers[name] = setTimeout(() => { delete this.timers[name]; act(); }, ms);
  }

  private stop(name: keyof typeof this.timers): void {
    clearTimeout(this.timers[name]);
    delete this.timers[name];
  }
}
