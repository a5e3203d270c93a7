/** What the screens of proof read and change. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { api, idempotencyKey, unwrap } from "@/kit/api/client";
import type { ImproveStart } from "@/kit/api/schema";

import type { Evidence } from "./evidence";

const LIVE_MS = 4_000; // the feed tells of stages; what goes on inside one is asked for
const OPEN = ["queued", "running", "waiting"];

export function useCertificates(workflow?: string) {
  return useQuery({ queryKey: ["certificates", "list", workflow], queryFn: () => unwrap(api.GET("/api/v1/certificates", { params: { query: { limit: 50, ...(workflow ? { workflow } : {}) } } })) });
}

export function useCertificate(id: string | null) {
  return useQuery({
    queryKey: ["certificates", id], enabled: id !== null,
    queryFn: async () => (await unwrap(api.GET("/api/v1/certificates/{certificate_id}", { params: { path: { certificate_id: id! } } }))) as unknown as Evidence,
  });
}

export function useImprovements() {
  return useQuery({
    queryKey: ["improvements", "list"], queryFn: () => unwrap(api.GET("/api/v1/improvements", { params: { query: { limit: 50 } } })),
    refetchInterval: (query) => (query.state.data?.items.some((each) => OPEN.includes(each.state)) ? LIVE_MS : false),
  });
}

export function useImprovement(id: string | null | undefined) {
  return useQuery({
    queryKey: ["improvements", id], enabled: Boolean(id),
    queryFn: () => unwrap(api.GET("/api/v1/improvements/{improvement_id}", { params: { path: { improvement_id: id! } } })),
    refetchInterval: (query) => (query.state.data && OPEN.includes(query.state.data.state) ? LIVE_MS : false),
  });
}

export function useBudgets() {
  return useQuery({ queryKey: ["error-budgets"], queryFn: () => unwrap(api.GET("/api/v1/error-budgets")) });
}

/** Who moved the alias, when and why, newest first. */
export function useMoves(alias: string | undefined) {
  return useQuery({ queryKey: ["aliases", alias, "moves"], enabled: Boolean(alias), queryFn: () => unwrap(api.GET("/api/v1/aliases/{name}/moves", { params: { path: { name: alias! }, query: { limit: 20 } } })) });
}

export function useWorkflows(enabled: boolean) {
  return useQuery({ queryKey: ["workflows", "list"], enabled, queryFn: () => unwrap(api.GET("/api/v1/workflows")) });
}

/** Decide on a candidate, or take a decision back; each is a row that is never changed. */
export function useDecision(improvementId: string, alias: string) {
  const cache = useQueryClient();
  const path = { improvement_id: improvementId };
  return useMutation({
    mutationFn: ({ kind, reason, override }: { kind: "promote" | "refuse" | "rollback"; reason: string; override?: boolean }) =>
      kind === "promote" ? unwrap(api.POST("/api/v1/improvements/{improvement_id}/promote", { params: { path }, body: { reason, override: override ?? false } }))
      : kind === "refuse" ? unwrap(api.POST("/api/v1/improvements/{improvement_id}/refuse", { params: { path }, body: { reason } }))
      : unwrap(api.POST("/api/v1/decisions/rollback", { body: { alias, reason } })),
    onSuccess: () => Promise.all(["certificates", "improvements", "aliases"].map((name) => cache.invalidateQueries({ queryKey: [name] }))),
  });
}

export function usePlan(body: ImproveStart | null) {
  return useQuery({ queryKey: ["improvements", "plan", body], enabled: body !== null, retry: false, staleTime: 60_000, queryFn: () => unwrap(api.POST("/api/v1/improvements/plan", { body: body! })) });
}

export function useStart() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: ({ body, key }: { body: ImproveStart; key: string }) => unwrap(api.POST("/api/v1/improvements", { body, headers: { "Idempotency-Key": key } })),
    onSuccess: () => cache.invalidateQueries({ queryKey: ["improvements"] }),
  });
}

export const newKey = idempotencyKey;

export function useSteer(id: string) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (how: "cancel" | "resume") => unwrap(api.POST(`/api/v1/improvements/{improvement_id}/${how}`, { params: { path: { improvement_id: id } } })),
    onSuccess: () => cache.invalidateQueries({ queryKey: ["improvements"] }),
  });
}
