/** What the server depends on; it takes no key and answers without a database, too. */
"use client";

import { useQuery } from "@tanstack/react-query";

import { api, unwrap } from "./client";

export function useStatus() {
  return useQuery({ queryKey: ["status"], queryFn: () => unwrap(api.GET("/api/v1/status")), refetchInterval: 20_000 });
}
