/** The inbox of who is signed in: shared by the bell of the shell and the inbox's page; events of the feed make it old. */
"use client";

import { keepPreviousData, useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { api, unwrap } from "./client";
import type { NoticeShown } from "./schema";

export function useUnread() {
  return useQuery({ queryKey: ["inbox", "unread"], queryFn: () => unwrap(api.GET("/api/v1/notifications/inbox/unread")) });
}

/** The latest, for a glance. */
export function useLatest(limit: number) {
  return useQuery({ queryKey: ["inbox", "latest", limit], queryFn: () => unwrap(api.GET("/api/v1/notifications/inbox", { params: { query: { limit } } })) });
}

export function useInbox(unread: boolean) {
  return useInfiniteQuery({
    queryKey: ["inbox", "list", unread], placeholderData: keepPreviousData, initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam: cursor }) => unwrap(api.GET("/api/v1/notifications/inbox", { params: { query: { unread, limit: 50, cursor } } })),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
}

/** Say that some were read, or all (null). */
export function useRead() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (found: NoticeShown[] | null) => unwrap(api.POST("/api/v1/notifications/inbox/read", { body: found ? { ids: found.map((each) => each.id), all: false } : { ids: [], all: true } })),
    onSuccess: () => client.invalidateQueries({ queryKey: ["inbox"] }),
  });
}
