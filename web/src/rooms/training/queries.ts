/** What the screens of training read and change. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { api, unwrap } from "@/kit/api/client";
import type { MetricShown, PairShown, TrainingStart } from "@/kit/api/schema";

const OPEN = ["queued", "running", "waiting"];
const LIVE_MS = 1_500; // steps are frames, not events: the curves ask for what is new
const PAGE = 1_000;

export const isOpen = (state: string) => OPEN.includes(state);

export function useTrainings() {
  return useQuery({
    queryKey: ["trainings", "list"], queryFn: () => unwrap(api.GET("/api/v1/trainings", { params: { query: { limit: 100 } } })),
    refetchInterval: (query) => (query.state.data?.items.some((each) => isOpen(each.state)) ? LIVE_MS : false),
  });
}

export function useTraining(id: string | null | undefined) {
  return useQuery({
    queryKey: ["trainings", id], enabled: Boolean(id), queryFn: () => unwrap(api.GET("/api/v1/trainings/{training_id}", { params: { path: { training_id: id! } } })),
    refetchInterval: (query) => (query.state.data && isOpen(query.state.data.state) ? LIVE_MS : false),
  });
}

/** All points of a training so far; each read asks only for the steps after the last one it has. */
export function useMetrics(id: string | null | undefined, kind: "step" | "eval", open: boolean) {
  const cache = useQueryClient();
  const queryKey = ["trainings", id, "metrics", kind];
  return useQuery({
    queryKey, enabled: Boolean(id), refetchInterval: open ? LIVE_MS : false,
    queryFn: async () => {
      const points = [...(cache.getQueryData<MetricShown[]>(queryKey) ?? [])];
      for (;;) {
        const after = points.at(-1)?.step;
        const page = await unwrap(api.GET("/api/v1/trainings/{training_id}/metrics", { params: { path: { training_id: id! }, query: { kind, limit: PAGE, ...(after === undefined ? {} : { after }) } } }));
        points.push(...page.items);
        if (page.items.length < PAGE) return points;
      }
    },
  });
}

export function useConsole(id: string, open: boolean) {
  return useQuery({ queryKey: ["trainings", id, "console"], refetchInterval: open ? LIVE_MS : false, queryFn: () => unwrap(api.GET("/api/v1/trainings/{training_id}/console", { params: { path: { training_id: id } } })) });
}

/** The held-out pairs of a dataset version by hash, to say which ones a look found best and worst. */
export function useHeldOut(versionId: string) {
  return useQuery({
    queryKey: ["dataset-versions", versionId, "held-out"], staleTime: Infinity,
    queryFn: async () => {
      const page = await unwrap(api.GET("/api/v1/dataset-versions/{version_id}/pairs", { params: { path: { version_id: versionId }, query: { split: "eval", limit: 200 } } }));
      return new Map<string, PairShown>(page.items.map((pair) => [pair.pair_hash, pair]));
    },
  });
}

const once = { staleTime: Infinity } as const;
export const useHyper = () => useQuery({ queryKey: ["trainings", "hyper"], ...once, queryFn: () => unwrap(api.GET("/api/v1/trainings/hyper")) });
export const usePresets = () => useQuery({ queryKey: ["trainings", "presets"], ...once, queryFn: () => unwrap(api.GET("/api/v1/trainings/presets")) });
export const useEnvironment = () => useQuery({ queryKey: ["trainings", "environment"], queryFn: () => unwrap(api.GET("/api/v1/trainings/environment")) });
/** Not under the key of the list of datasets, which is kept by pages. */
export const useDatasets = () => useQuery({ queryKey: ["datasets", "names"], queryFn: () => unwrap(api.GET("/api/v1/datasets", { params: { query: { limit: 100 } } })) });
export const useModels = () => useQuery({ queryKey: ["models", "list"], queryFn: () => unwrap(api.GET("/api/v1/models", { params: { query: { limit: 100 } } })) });

export function useStart() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: ({ body, key }: { body: TrainingStart; key: string }) => unwrap(api.POST("/api/v1/trainings", { body, headers: { "Idempotency-Key": key } })),
    onSuccess: () => cache.invalidateQueries({ queryKey: ["trainings", "list"] }),
  });
}

export function useSteer(id: string) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (how: "cancel" | "resume") => unwrap(api.POST(`/api/v1/trainings/{training_id}/${how}`, { params: { path: { training_id: id } } })),
    onSuccess: () => cache.invalidateQueries({ queryKey: ["trainings"] }),
  });
}
