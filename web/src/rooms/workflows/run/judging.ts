/** Judging an answer from the run that it is of: one annotation, and the way back. */
"use client";

import { useMutation, useQueryClient } from "@tanstack/react-query";

import { api, idempotencyKey, unwrap } from "@/kit/api/client";
import type { AnnotationShown, paths } from "@/kit/api/schema";
import { say } from "@/kit/ui/Toast";

export type Judged = paths["/api/v1/annotations"]["post"]["requestBody"]["content"]["application/json"];

/** Write a judgement down and say so; undone, it is withdrawn. */
export function useJudge(said: string, undone?: () => void) {
  const client = useQueryClient();
  const again = () => client.invalidateQueries({ queryKey: ["annotations"] });
  return useMutation({
    mutationFn: (body: Judged) => unwrap(api.POST("/api/v1/annotations", { body, headers: { "Idempotency-Key": idempotencyKey() } })),
    onSuccess: (made) => {
      void again();
      const { id } = (Array.isArray(made) ? made[0] : made) as AnnotationShown;
      say(said, () => void unwrap(api.POST("/api/v1/annotations/{annotation_id}/withdraw", { params: { path: { annotation_id: id } } })).then(() => { undone?.(); return again(); }));
    },
  });
}
