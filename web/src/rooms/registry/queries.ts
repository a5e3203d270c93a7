/** What the hub reads: aliases and their moves, engines, decisions, and where a version came from. */
import { useQuery } from "@tanstack/react-query";

import { api, unwrap } from "@/kit/api/client";
import type { AliasShown } from "@/kit/api/schema";

const MANY = { limit: 200 } as const;

export function useAliases() {
  return useQuery({ queryKey: ["aliases", "all"], queryFn: () => unwrap(api.GET("/api/v1/aliases", { params: { query: MANY } })) });
}

export function useMoves(name: string) {
  return useQuery({ queryKey: ["aliases", "moves", name], queryFn: () => unwrap(api.GET("/api/v1/aliases/{name}/moves", { params: { path: { name }, query: MANY } })) });
}

export function useDecisions() {
  return useQuery({ queryKey: ["decisions", "all"], queryFn: () => unwrap(api.GET("/api/v1/decisions", { params: { query: MANY } })) });
}

/** How the engines are; asked again while the page is looked at. */
export function useEngines() {
  return useQuery({ queryKey: ["serving", "engines"], queryFn: () => unwrap(api.GET("/api/v1/serving/engines")), refetchInterval: 10_000 });
}

/** Who an id stands for. */
export function usePrincipals() {
  const { data } = useQuery({ queryKey: ["principals"], staleTime: 60_000, queryFn: () => unwrap(api.GET("/api/v1/principals")) });
  return (id: string) => data?.find((each) => each.id === id)?.name ?? null;
}

/** The training that made an adapter, with its card and files; null where it came another way. */
export function useTrainingOf(versionId: string, isAdapter: boolean) {
  return useQuery({
    queryKey: ["trainings", "of", versionId], enabled: isAdapter,
    queryFn: async () => {
      let cursor: string | undefined;
      do {
        const page = await unwrap(api.GET("/api/v1/trainings", { params: { query: { ...MANY, state: "succeeded", cursor } } }));
        const found = page.items.find((each) => each.adapter_version_id === versionId);
        if (found) return unwrap(api.GET("/api/v1/trainings/{training_id}", { params: { path: { training_id: found.id } } }));
        cursor = page.next_cursor ?? undefined;
      } while (cursor);
      return null;
    },
  });
}

export function usePairsLineage(datasetVersionId: string | undefined) {
  return useQuery({ queryKey: ["dataset-versions", datasetVersionId, "lineage"], enabled: datasetVersionId !== undefined, queryFn: () => unwrap(api.GET("/api/v1/dataset-versions/{version_id}/lineage", { params: { path: { version_id: datasetVersionId! } } })) });
}

/** The latest answers that a version gave. */
export function useAnswersOf(versionId: string, isAdapter: boolean) {
  return useQuery({
    queryKey: ["log", "latest", versionId],
    queryFn: () => unwrap(api.GET("/api/v1/interactions", { params: { query: { limit: 3, failed: false, ...(isAdapter ? { adapter_version_id: versionId } : { model_version_id: versionId }) } } })),
  });
}

export type Share = { versionId: string; ratio: number };

/** Return an alias's versions with their shares of the traffic, the largest first. */
export function shares(targets: AliasShown["targets"]): Share[] {
  const sum = targets.reduce((total, target) => total + target.weight, 0);
  return targets.map((target) => ({ versionId: target.version_id, ratio: sum > 0 ? target.weight / sum : 0 })).sort((a, b) => b.ratio - a.ratio);
}
