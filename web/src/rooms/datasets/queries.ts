/** What the room asks of the API. */
"use client";

import { keepPreviousData, useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { api, idempotencyKey, unwrap } from "@/kit/api/client";
import { readKey } from "@/kit/api/key";
import type { CamelExtDatasetsSchemasVersionShown, DatasetBuild, Split, Without } from "@/kit/api/schema";

export type Version = CamelExtDatasetsSchemasVersionShown;

export const isUnderway = (version: Version) => version.state === "queued" || version.state === "running" || version.state === "waiting";

export function useDatasets() {
  return useInfiniteQuery({
    queryKey: ["datasets", "list"],
    queryFn: ({ pageParam }) => unwrap(api.GET("/api/v1/datasets", { params: { query: { limit: 50, ...(pageParam && { cursor: pageParam }) } } })),
    initialPageParam: "", getNextPageParam: (last) => last.next_cursor,
  });
}

export function useVersion(version_id: string) {
  return useQuery({ queryKey: ["dataset-versions", version_id], enabled: version_id !== "", queryFn: () => unwrap(api.GET("/api/v1/dataset-versions/{version_id}", { params: { path: { version_id } } })) });
}

/** A dataset's versions, newest first; read again while one is being built. */
export function useVersionsOf(name: string) {
  return useInfiniteQuery({
    queryKey: ["datasets", name, "versions"], enabled: name !== "",
    queryFn: ({ pageParam }) => unwrap(api.GET("/api/v1/datasets/{name}/versions", { params: { path: { name }, query: { limit: 50, ...(pageParam && { cursor: pageParam }) } } })),
    initialPageParam: "", getNextPageParam: (last) => last.next_cursor,
    refetchInterval: ({ state }) => (state.data?.pages.some((page) => page.items.some(isUnderway)) ? 1000 : false),
  });
}

export function usePairs(version_id: string, split: Split | undefined) {
  return useInfiniteQuery({
    queryKey: ["dataset-versions", version_id, "pairs", split ?? "all"], staleTime: Infinity,
    queryFn: ({ pageParam }) => unwrap(api.GET("/api/v1/dataset-versions/{version_id}/pairs", { params: { path: { version_id }, query: { after: pageParam, limit: 100, ...(split && { split }) } } })),
    initialPageParam: -1, getNextPageParam: (last) => last.next_after,
  });
}

export function useLineage(version_id: string) {
  return useQuery({ queryKey: ["dataset-versions", version_id, "lineage"], staleTime: Infinity, queryFn: () => unwrap(api.GET("/api/v1/dataset-versions/{version_id}/lineage", { params: { path: { version_id } } })) });
}

export function useDiff(version_id: string, other: string) {
  return useQuery({ queryKey: ["dataset-versions", version_id, "diff", other], enabled: other !== "", staleTime: Infinity, queryFn: () => unwrap(api.GET("/api/v1/dataset-versions/{version_id}/diff", { params: { path: { version_id }, query: { other } } })) });
}

/** What would go with these runs and judges. */
export function useBlast(version_id: string, gone: Without) {
  const some = (gone.run_ids?.length ?? 0) + (gone.judges?.length ?? 0) > 0;
  return useQuery({
    queryKey: ["dataset-versions", version_id, "without", gone], enabled: some, placeholderData: some ? keepPreviousData : undefined,
    queryFn: () => unwrap(api.GET("/api/v1/dataset-versions/{version_id}/without", { params: { path: { version_id }, query: gone } })),
  });
}

export function useBuildWithout(version_id: string) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (body: Without) => unwrap(api.POST("/api/v1/dataset-versions/{version_id}/without", { params: { path: { version_id } }, body, headers: { "Idempotency-Key": idempotencyKey() } })),
    onSuccess: () => cache.invalidateQueries({ queryKey: ["datasets"] }),
  });
}

/** Which other versions rest on a run or judge. */
export function useTouched(kind: "run" | "judge", ref: string) {
  return useQuery({ queryKey: ["dataset-versions", "touched", kind, ref], enabled: ref !== "", queryFn: () => unwrap(api.GET("/api/v1/dataset-sources", { params: { query: { kind, ref } } })) });
}

export function usePreview(body: DatasetBuild | null) {
  return useQuery({ queryKey: ["datasets", "preview", body], enabled: body !== null, placeholderData: keepPreviousData, retry: false, staleTime: 30_000, queryFn: ({ signal }) => unwrap(api.POST("/api/v1/datasets/preview", { body: body!, signal })) });
}

export function useBuild() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (body: DatasetBuild) => unwrap(api.POST("/api/v1/datasets", { body, headers: { "Idempotency-Key": idempotencyKey() } })),
    onSuccess: () => cache.invalidateQueries({ queryKey: ["datasets"] }),
  });
}

export function useCancelBuild() {
  const cache = useQueryClient();
  return useMutation({ mutationFn: (version_id: string) => unwrap(api.POST("/api/v1/dataset-versions/{version_id}/cancel", { params: { path: { version_id } } })), onSuccess: () => cache.invalidateQueries({ queryKey: ["datasets"] }) });
}

/** Fetch a version's file with the key in a header, and hand it to the browser. */
export async function download(version: Version, format: "jsonl" | "parquet"): Promise<void> {
  const answer = await fetch(`/api/v1/dataset-versions/${version.id}/export?format=${format}`, { headers: { Authorization: `Bearer ${readKey() ?? ""}` } });
  if (!answer.ok) throw new Error(`The file did not come: the server answered ${answer.status}.`);
  const url = URL.createObjectURL(await answer.blob());
  Object.assign(document.createElement("a"), { href: url, download: `${version.dataset}-${version.number}.${format}` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
