/** Things that the palette finds by name or id: what the API lists, the youngest first. */
import { api, unwrap } from "../api/client";
import { href } from "../url";

export interface Thing { kind: string; label: string; path: string }

const NAME = "camel-ext.recent";
const MOST = 6;

export async function fetchThings(): Promise<Thing[]> {
  const query = { params: { query: { limit: 100 } } };
  const [models, datasets, runs, certificates, trainings, queues] = await Promise.all([
    unwrap(api.GET("/api/v1/models", query)), unwrap(api.GET("/api/v1/datasets", query)), unwrap(api.GET("/api/v1/runs", query)),
    unwrap(api.GET("/api/v1/certificates", query)), unwrap(api.GET("/api/v1/trainings", query)), unwrap(api.GET("/api/v1/annotation-queues", query)),
  ]);
  return [
    ...models.items.map(({ name }) => ({ kind: "Model", label: name, path: href("/registry", { model: name }) })),
    ...datasets.items.map(({ name }) => ({ kind: "Dataset", label: name, path: href("/datasets/dataset", { name }) })),
    ...queues.items.map(({ name, id }) => ({ kind: "Queue", label: name, path: href("/annotations/queue", { id }) })),
    ...trainings.items.map(({ name, id }) => ({ kind: "Training", label: name, path: href("/training", { id }) })),
    ...certificates.items.map(({ number, workflow, id }) => ({ kind: "Certificate", label: `C-${String(number).padStart(4, "0")} ${workflow}`, path: href("/experiments/certificate", { id }) })),
    ...runs.items.map(({ input, workflow, id }) => ({ kind: "Run", label: `${typeof input.goal === "string" ? input.goal : workflow}`, path: href("/workflows/run", { id }) })),
  ];
}

export function readRecent(): Thing[] {
  try {
    return JSON.parse(sessionStorage.getItem(NAME) ?? "[]") as Thing[];
  } catch {
    return [];
  }
}

export function keepRecent(thing: Thing): void {
  sessionStorage.setItem(NAME, JSON.stringify([thing, ...readRecent().filter((each) => each.path !== thing.path)].slice(0, MOST)));
}
