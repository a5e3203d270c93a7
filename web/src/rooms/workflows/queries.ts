/** What the room asks of the API: runs, turns, calls of models, definitions. Not: what the screens make of it. */
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { api, ApiError, idempotencyKey, unwrap } from "@/kit/api/client";
import type { BudgetsGiven, InteractionListed, paths, RunShown, RunStart, TurnShown } from "@/kit/api/schema";

export const FINAL: ReadonlySet<string> = new Set(["succeeded", "failed", "cancelled"]);
const TURNS_A_PAGE = 1000;
const CALLS_A_PAGE = 500;

export type RunsFilter = Omit<NonNullable<paths["/api/v1/runs"]["get"]["parameters"]["query"]>, "limit" | "cursor">;

export function useRuns(filter: RunsFilter, limit = 50) {
  return useInfiniteQuery({
    queryKey: ["runs", "list", filter, limit],
    queryFn: ({ pageParam }) => unwrap(api.GET("/api/v1/runs", { params: { query: { ...filter, limit, cursor: pageParam } } })),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
  });
}

export function useRun(id: string | null) {
  return useQuery({
    queryKey: ["runs", id],
    enabled: Boolean(id),
    queryFn: () => unwrap(api.GET("/api/v1/runs/{run_id}", { params: { path: { run_id: id! } } })),
  });
}

/** All turns of a run in order, those it took over from its parent included; a refetch asks only for new ones. */
export function useTurns(id: string | null) {
  const client = useQueryClient();
  return useQuery({
    queryKey: ["runs", id, "turns"],
    enabled: Boolean(id),
    queryFn: async () => {
      const known = client.getQueryData<TurnShown[]>(["runs", id, "turns"]) ?? [];
      const fresh = await turnsAfter(id!, known.at(-1)?.seq ?? 0);
      return fresh.length > 0 ? [...known, ...fresh] : known;
    },
  });
}

export async function turnsAfter(id: string, start: number): Promise<TurnShown[]> {
  const found: TurnShown[] = [];
  for (let after: number | null = start; after !== null;) {
    const page: { items: TurnShown[]; next_after: number | null } = await unwrap(
      api.GET("/api/v1/runs/{run_id}/turns", { params: { path: { run_id: id }, query: { after, limit: TURNS_A_PAGE } } }));
    found.push(...page.items);
    after = page.next_after;
  }
  return found;
}

/** The model calls of runs (a run and those whose turns it took over), newest first; a refetch asks only for new ones. */
export function useCalls(runIds: string[]) {
  const client = useQueryClient();
  const queryKey = ["runs", runIds[0], "calls", runIds];
  return useQuery({
    queryKey,
    enabled: runIds.length > 0,
    queryFn: async () => {
      const known = client.getQueryData<InteractionListed[]>(queryKey) ?? [];
      const seen = new Set(known.map((call) => call.id));
      const fresh = (await Promise.all(runIds.map((run_id) => callsUntil(run_id, seen)))).flat();
      return fresh.length > 0 ? [...fresh, ...known] : known;
    },
  });
}

async function callsUntil(run_id: string, seen: Set<string>): Promise<InteractionListed[]> {
  const found: InteractionListed[] = [];
  let cursor: string | null = null;
  do {
    const page: { items: InteractionListed[]; next_cursor: string | null } = await unwrap(
      api.GET("/api/v1/interactions", { params: { query: { run_id, limit: seen.size > 0 ? 50 : CALLS_A_PAGE, cursor } } }));
    const fresh = page.items.filter((call) => !seen.has(call.id));
    found.push(...fresh);
    cursor = fresh.length === page.items.length ? page.next_cursor : null;
  } while (cursor);
  return found;
}

/** The answers of some runs, oldest first: what can be judged of them. Calls that failed are left out. */
export function useAnswers(runIds: readonly string[]) {
  return useQuery({
    queryKey: ["interactions", "of-runs", runIds],
    queryFn: async () => (await Promise.all(runIds.map((run_id) => callsUntil(run_id, new Set())))).flatMap((calls) => calls.filter((call) => call.error_code === null).reverse()),
  });
}

export function useInteraction(id: string | null | undefined) {
  return useQuery({
    queryKey: ["interactions", id],
    enabled: Boolean(id),
    staleTime: Infinity, // what was said does not change
    queryFn: () => unwrap(api.GET("/api/v1/interactions/{interaction_id}", { params: { path: { interaction_id: id! } } })),
  });
}

export function useWorkflows() {
  return useQuery({ queryKey: ["workflows"], queryFn: () => unwrap(api.GET("/api/v1/workflows")) });
}

export function useStartRun() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ body, key }: { body: RunStart; key: string }) =>
      unwrap(api.POST("/api/v1/runs", { body, headers: { "Idempotency-Key": key } })),
    onSuccess: () => client.invalidateQueries({ queryKey: ["runs"] }),
  });
}

export type RunAction =
  | { verb: "pause" | "cancel" }
  | { verb: "resume"; single_step?: boolean; budgets?: BudgetsGiven }
  | { verb: "decide"; step_key: string; decision: "happened" | "repeat"; result?: string };

/** Act on a run as it is shown: a run that changed in between answers 412, and is read anew. */
export function useRunAction(run: RunShown | undefined) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (action: RunAction) => act(run!, action),
    onSettled: async (changed, error) => {
      if (changed) client.setQueryData(["runs", run!.id], changed);
      const anew = client.invalidateQueries({ queryKey: ["runs"] });
      if (error instanceof ApiError) await anew; // "this is how it stands now" is said when it stands there
    },
  });
}

function act(run: RunShown, action: RunAction): Promise<RunShown> {
  const params = { path: { run_id: run.id }, header: { "if-match": `"${run.revision}"` } };
  switch (action.verb) {
    case "pause": return unwrap(api.POST("/api/v1/runs/{run_id}/pause", { params }));
    case "cancel": return unwrap(api.POST("/api/v1/runs/{run_id}/cancel", { params }));
    case "resume": return unwrap(api.POST("/api/v1/runs/{run_id}/resume", { params, body: { single_step: action.single_step, budgets: action.budgets ?? {} } }));
    case "decide": return unwrap(api.POST("/api/v1/runs/{run_id}/decide", { params, body: { step_key: action.step_key, decision: action.decision, result: action.result ?? "" } }));
  }
}

export function useRetry(runId: string | null) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (step_key: string | null) => unwrap(api.POST("/api/v1/runs/{run_id}/retry", {
      params: { path: { run_id: runId! } }, body: { step_key }, headers: { "Idempotency-Key": idempotencyKey() } })),
    onSuccess: () => client.invalidateQueries({ queryKey: ["runs"] }),
  });
}
