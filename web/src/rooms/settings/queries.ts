/** Who may do what here, and how the server is. */
"use client";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { api, ApiError, unwrap } from "@/kit/api/client";
import type { KeyCreate } from "@/kit/api/schema";

export const useMe = () => useQuery({ queryKey: ["me"], queryFn: () => unwrap(api.GET("/api/v1/me")), staleTime: Infinity });

/** Only an owner may list them: for others it is null, not an error. */
export function useKeyList() {
  return useQuery({ queryKey: ["keys", "list"], queryFn: () => ownersOnly(unwrap(api.GET("/api/v1/keys"))) });
}

export function useMembers() {
  return useQuery({ queryKey: ["principals", "list"], queryFn: () => ownersOnly(unwrap(api.GET("/api/v1/principals"))) });
}

export function useHealth() {
  return useQuery({ queryKey: ["health"], queryFn: () => unwrap(api.GET("/health/ready")), refetchInterval: 30_000 });
}

export function useMakeKey() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: KeyCreate) => unwrap(api.POST("/api/v1/keys", { body })),
    onSuccess: () => client.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] === "keys" || queryKey[0] === "principals" }),
  });
}

export function useRevokeKey() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (key_id: string) => unwrap(api.DELETE("/api/v1/keys/{key_id}", { params: { path: { key_id } } })),
    onSuccess: () => client.invalidateQueries({ queryKey: ["keys"] }),
  });
}

async function ownersOnly<T>(call: Promise<T>): Promise<T | null> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof ApiError && error.status === 403) return null;
    throw error;
  }
}
