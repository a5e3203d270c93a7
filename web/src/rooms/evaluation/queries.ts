/** What the screens of evaluation read and change. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { api, unwrap } from "@/kit/api/client";
import type { CaseShown, ComparisonMake, EvaluationStart, JudgingStart, PlanAsked } from "@/kit/api/schema";

const LIVE_MS = 2_000;
const PAGE = 200;
const FEW = 20;
export const isOpen = (state: string) => ["queued", "running", "waiting"].includes(state);

export const useComparisons = () => useQuery({ queryKey: ["comparisons", "list"], queryFn: () => unwrap(api.GET("/api/v1/comparisons", { params: { query: { limit: 50 } } })) });
export const useSuites = () => useQuery({ queryKey: ["suites", "list"], queryFn: () => unwrap(api.GET("/api/v1/suites", { params: { query: { limit: 100 } } })) });
export const useWorkflows = () => useQuery({ queryKey: ["workflows", "list"], queryFn: () => unwrap(api.GET("/api/v1/workflows")) });

export function useEvaluations() {
  return useQuery({
    queryKey: ["evaluations", "list"], queryFn: () => unwrap(api.GET("/api/v1/evaluations", { params: { query: { limit: 100 } } })),
    refetchInterval: (query) => (query.state.data?.items.some((each) => isOpen(each.state)) ? LIVE_MS : false),
  });
}

/** Judgings, newest first; read again while one goes on. */
export function useJudgings(enabled = true) {
  return useQuery({
    queryKey: ["judgings", "list"], enabled, queryFn: () => unwrap(api.GET("/api/v1/judgings", { params: { query: { limit: 100 } } })),
    refetchInterval: (query) => (query.state.data?.items.some((each) => isOpen(each.state)) ? LIVE_MS : false),
  });
}

export function useJudge() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: ({ body, key }: { body: JudgingStart; key: string }) => unwrap(api.POST("/api/v1/judgings", { body, headers: { "Idempotency-Key": key } })),
    onSuccess: () => cache.invalidateQueries({ queryKey: ["judgings"] }),
  });
}

export function useStopJudging() {
  const cache = useQueryClient();
  return useMutation({ mutationFn: (judging_id: string) => unwrap(api.POST("/api/v1/judgings/{judging_id}/cancel", { params: { path: { judging_id } } })), onSuccess: () => cache.invalidateQueries({ queryKey: ["judgings"] }) });
}

export function useComparison(id: string | null) {
  return useQuery({ queryKey: ["comparisons", id], enabled: id !== null, staleTime: Infinity, queryFn: () => unwrap(api.GET("/api/v1/comparisons/{comparison_id}", { params: { path: { comparison_id: id! } } })) });
}

export function useEvaluation(id: string | null | undefined) {
  return useQuery({
    queryKey: ["evaluations", id], enabled: Boolean(id), queryFn: () => unwrap(api.GET("/api/v1/evaluations/{evaluation_id}", { params: { path: { evaluation_id: id! } } })),
    refetchInterval: (query) => (query.state.data && isOpen(query.state.data.state) ? LIVE_MS : false),
  });
}

/** All cases of an evaluation with answers and scores. */
export function useCases(id: string | null | undefined, open = false) {
  return useQuery({
    queryKey: ["evaluations", id, "cases"], enabled: Boolean(id), refetchInterval: open ? LIVE_MS : false, staleTime: open ? 0 : 60_000,
    queryFn: async () => {
      const cases: CaseShown[] = [];
      for (let after: number | null | undefined; ;) {
        const page = await unwrap(api.GET("/api/v1/evaluations/{evaluation_id}/cases", { params: { path: { evaluation_id: id! }, query: { limit: PAGE, ...(after == null ? {} : { after }) } } }));
        cases.push(...page.items);
        after = page.next_after;
        if (after === null) return cases;
      }
    },
  });
}

export function useSuiteVersion(id: string | null | undefined) {
  return useQuery({ queryKey: ["suite-versions", id], enabled: Boolean(id), staleTime: Infinity, queryFn: () => unwrap(api.GET("/api/v1/suite-versions/{version_id}", { params: { path: { version_id: id! } } })) });
}

export function useSuite(name: string | null) {
  return useQuery({ queryKey: ["suites", name], enabled: name !== null, queryFn: () => unwrap(api.GET("/api/v1/suites/{name}", { params: { path: { name: name! } } })) });
}

/** The certificate that rests on a comparison, among the newest of its workflow; null: it was compared by hand. */
export function useCertificateOf(workflow: string | undefined, comparisonId: string | undefined) {
  return useQuery({
    queryKey: ["certificates", "of", comparisonId], enabled: Boolean(workflow && comparisonId),
    queryFn: async () => {
      const page = await unwrap(api.GET("/api/v1/certificates", { params: { query: { workflow: workflow!, limit: FEW } } }));
      for (const { id } of page.items) {
        const whole = await unwrap(api.GET("/api/v1/certificates/{certificate_id}", { params: { path: { certificate_id: id } } }));
        if ((whole as { comparison_id?: unknown }).comparison_id === comparisonId) return id;
      }
      return null;
    },
  });
}

export function usePlan(asked: PlanAsked | null) {
  return useQuery({ queryKey: ["evaluation-plan", asked], enabled: asked !== null, retry: false, staleTime: 60_000, queryFn: () => unwrap(api.POST("/api/v1/evaluations/plan", { body: asked! })) });
}

export function useEvaluate() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: ({ body, key }: { body: EvaluationStart; key: string }) => unwrap(api.POST("/api/v1/evaluations", { body, headers: { "Idempotency-Key": key } })),
    onSuccess: () => cache.invalidateQueries({ queryKey: ["evaluations"] }),
  });
}

export function useCompare() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: ({ body, key }: { body: ComparisonMake; key: string }) => unwrap(api.POST("/api/v1/comparisons", { body, headers: { "Idempotency-Key": key } })),
    onSuccess: () => cache.invalidateQueries({ queryKey: ["comparisons"] }),
  });
}

export function useCancel(id: string) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/evaluations/{evaluation_id}/cancel", { params: { path: { evaluation_id: id } } })),
    onSuccess: () => cache.invalidateQueries({ queryKey: ["evaluations"] }),
  });
}
