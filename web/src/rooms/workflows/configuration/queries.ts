/** What the configuration screen asks of the API: files, their schemas and revisions, checks and changes. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { api, ApiError, unwrap } from "@/kit/api/client";
import type { Applied, ConfigurationApply, ConfigurationShown, ProblemShown } from "@/kit/api/schema";

export type Files = Record<string, string>;
export const FILES = ["agents.yaml", "workflows.yaml", "models.yaml"] as const;
export type FileName = (typeof FILES)[number];

export function useConfigurations() {
  return useQuery({ queryKey: ["configurations", "list"], queryFn: () => unwrap(api.GET("/api/v1/configurations")) });
}

export function useSchemas() {
  return useQuery({ queryKey: ["configuration-schemas"], staleTime: Infinity, queryFn: () => unwrap(api.GET("/api/v1/configuration-schemas")) });
}

/** Names that files may use and do not define: aliases, tools, agents of other files. */
export function useKnownNames() {
  const agents = useQuery({ queryKey: ["agents"], queryFn: () => unwrap(api.GET("/api/v1/agents")) });
  const tools = useQuery({ queryKey: ["tools"], staleTime: Infinity, queryFn: () => unwrap(api.GET("/api/v1/tools")) });
  const aliases = useQuery({ queryKey: ["aliases", "names"], queryFn: () => unwrap(api.GET("/api/v1/aliases", { params: { query: { limit: 200 } } })) });
  return { agent: agents.data?.map((each) => each.name) ?? [], tools: tools.data?.map((each) => each.name) ?? [], model: aliases.data?.items.map((each) => each.name) ?? [] };
}

export function useRevisions(name: string) {
  return useQuery({ queryKey: ["configurations", name, "revisions"], queryFn: () => unwrap(api.GET("/api/v1/configurations/{name}/revisions", { params: { path: { name }, query: { limit: 200 } } })) });
}

export function useRevision(name: string, revision: number | null) {
  return useQuery({
    queryKey: ["configurations", name, "revisions", revision], enabled: revision !== null, staleTime: Infinity,
    queryFn: () => unwrap(api.GET("/api/v1/configurations/{name}/revisions/{revision}", { params: { path: { name, revision: revision! } } })),
  });
}

export interface Checked { applied: Applied | null; problems: ProblemShown[]; error: unknown }

/** Ask the server what these files would change; a refusal is an answer, with a place for each problem. */
export function useCheck(name: string, files: Files | null) {
  return useQuery({
    queryKey: ["configuration-checks", name, files], enabled: files !== null, retry: false, gcTime: 60_000, placeholderData: (before) => before,
    queryFn: async (): Promise<Checked> => {
      try {
        const applied = await unwrap(api.PUT("/api/v1/configurations", { body: bodyOf(name, files!, true) }));
        return { applied, problems: applied.problems ?? [], error: null };
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 422) return { applied: null, problems: [], error };
        const problems = (error.problem.errors as unknown as ProblemShown[]).filter((each) => typeof each.line === "number");
        return { applied: null, problems, error: problems.length > 0 ? null : error };
      }
    },
  });
}

function bodyOf(name: string, files: Files, dry_run: boolean): ConfigurationApply {
  return { name, dry_run, files: Object.fromEntries(Object.entries(files).filter(([, text]) => text.trim() !== "")) as ConfigurationApply["files"] };
}

/** Apply files; `revision` is the one they were made from, null for new ones. Changed in between: 412. */
export function useApply(name: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ files, revision }: { files: Files; revision: number | null }) =>
      unwrap(api.PUT("/api/v1/configurations", { body: bodyOf(name, files, false), params: { header: revision === null ? {} : { "if-match": `"${revision}"` } } })),
    onSuccess: () => Promise.all(["configurations", "workflows", "agents", "aliases"].map((each) => client.invalidateQueries({ queryKey: [each] }))),
  });
}

export function useRestore(name: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ revision, current }: { revision: number; current: number }) => unwrap(api.POST("/api/v1/configurations/{name}/revisions/{revision}/restore", {
      params: { path: { name, revision }, header: { "if-match": `"${current}"` } }, body: { dry_run: false } })),
    onSuccess: () => Promise.all(["configurations", "workflows", "agents", "aliases"].map((each) => client.invalidateQueries({ queryKey: [each] }))),
  });
}

export function readNow(name: string): Promise<ConfigurationShown> {
  return unwrap(api.GET("/api/v1/configurations/{name}", { params: { path: { name } } }));
}
