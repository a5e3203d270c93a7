/** Texts while they are made: frames in order, a snapshot where a piece is missing. */
import type { Frame } from "./messages";

export interface StreamText { text: string; /** Where the text begins: a long one keeps its end. */ start: number; done: boolean }
export interface Snapshot extends StreamText { offset: number }

interface Kept extends StreamText { offset: number; early: Frame[]; asking: boolean }

/** The server counts characters; a JavaScript string counts an emoji as two. */
function characters(text: string): number {
  let count = text.length;
  for (let at = 0; at < text.length; at += 1) if ((text.charCodeAt(at) & 0xfc00) === 0xd800) count -= 1;
  return count;
}

export class Streams {
  private readonly kept = new Map<string, Kept>();

  /** `ask` gets the snapshot of a stream, or null where there is none (yet, or any more); `changed` is told of any news. */
  constructor(private readonly ask: (stream: string) => Promise<Snapshot | null>, private readonly changed: () => void) {}

  get all(): ReadonlyMap<string, StreamText> {
    return this.kept;
  }

  take(frame: Frame): void {
    const kept = this.of(frame.stream);
    if (kept.asking) kept.early.push(frame);
    else if (!this.append(kept, frame)) {
      kept.early.push(frame);
      void this.load(frame.stream);
    }
  }

  /** Take what the server has of a stream where a frame was dropped. */
  async load(stream: string): Promise<void> {
    const kept = this.of(stream);
    kept.asking = true;
    const found = await this.ask(stream).catch(() => null);
    kept.asking = false;
    this.put(stream, found);
  }

  /** Take what a stream holds, and what came of it meanwhile. */
  private put(stream: string, found: Snapshot | null): void {
    const kept = this.of(stream);
    if (found && found.offset >= kept.offset) Object.assign(kept, { text: found.text, start: found.start, offset: found.offset, done: found.done });
    if (!kept.asking) for (const frame of kept.early.splice(0)) if (!this.append(kept, frame)) this.skip(kept, frame);
    this.changed();
  }

  /** Take all that is being made now: a text that is not over here and is not among it was cut off, and goes. */
  renew(made: readonly (Snapshot & { stream: string })[]): void {
    for (const [stream, kept] of this.kept) if (!kept.done && !made.some((each) => each.stream === stream)) this.kept.delete(stream);
    for (const each of made) this.put(each.stream, each);
    this.changed();
  }

  private of(stream: string): Kept {
    let kept = this.kept.get(stream);
    if (!kept) this.kept.set(stream, (kept = { text: "", start: 0, offset: 0, done: false, early: [], asking: false }));
    return kept;
  }

  /** Add a piece; tell whether it fits where the text ends. */
  private append(kept: Kept, frame: Frame): boolean {
    const begins = frame.offset - characters(frame.text);
    if (begins > kept.offset) return false;
    if (frame.offset > kept.offset) {
      kept.text += begins === kept.offset ? frame.text : [...frame.text].slice(kept.offset - begins).join("");
      kept.offset = frame.offset;
    }
    kept.done ||= frame.done;
    this.changed();
    return true;
  }

  /** The server has no snapshot of it either: say what there is, from where it is. */
  private skip(kept: Kept, frame: Frame): void {
    kept.start = frame.offset - characters(frame.text);
    kept.text = frame.text;
    kept.offset = frame.offset;
    kept.done ||= frame.done;
  }
}
