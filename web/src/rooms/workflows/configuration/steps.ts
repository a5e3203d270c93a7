/** Where the steps of a workflow stand in its file, so that the cursor and the graph can point at each other. Pure. */
import { isMap, isScalar, isSeq, parseDocument, type YAMLMap } from "yaml";

export interface StepSpot { workflow: string; place: string; from: number; to: number }
export interface ReadFile { names: string[]; spots: StepSpot[]; content: Record<string, Record<string, unknown>> }

/** Read what can be read: a file that is being typed is broken most of the time. */
export function readWorkflows(text: string): ReadFile {
  const read: ReadFile = { names: [], spots: [], content: {} };
  const document = parseDocument(text, { keepSourceTokens: false, strict: false, logLevel: "silent" });
  const workflows = isMap(document.contents) ? document.contents.get("workflows") : null;
  if (!isMap(workflows)) return read;
  for (const pair of workflows.items) {
    if (!isScalar(pair.key) || !isMap(pair.value)) continue;
    const name = String(pair.key.value);
    read.names.push(name);
    try {
      read.content[name] = pair.value.toJS(document) as Record<string, unknown>;
    } catch {
      read.content[name] = {}; // an alias that leads nowhere yet
    }
    walk(pair.value, name, "", read.spots);
    const range = pair.value.range;
    if (range) read.spots.push({ workflow: name, place: "", from: pair.key.range?.[0] ?? range[0], to: range[2] });
  }
  return read;
}

function walk(holder: YAMLMap, workflow: string, prefix: string, spots: StepSpot[]): void {
  const steps = holder.get("steps");
  if (!isSeq(steps)) return;
  for (const step of steps.items) {
    if (!isMap(step)) continue;
    const name = step.get("name");
    if (typeof name !== "string" || !step.range) continue;
    walk(step, workflow, `${prefix}${name}/`, spots);
    spots.push({ workflow, place: prefix + name, from: step.range[0], to: step.range[2] });
  }
}

/** The innermost step at a place in the text; inner ones come first. */
export function spotAt(spots: StepSpot[], offset: number): StepSpot | null {
  return spots.find((spot) => offset >= spot.from && offset < spot.to) ?? null;
}
