/** The whole inbox, newest first. */
"use client";

import { BellRing, CheckCheck, Inbox as Icon } from "lucide-react";

import { useInbox, useRead, useUnread } from "@/kit/api/inbox";
import type { NoticeShown } from "@/kit/api/schema";
import { Button, LinkButton } from "@/kit/ui/Button";
import { Card, PageHeader } from "@/kit/ui/Card";
import { EmptyState, ErrorBox, Skeleton } from "@/kit/ui/Moments";
import { Notice } from "@/kit/ui/Notice";
import { useUrl } from "@/kit/url";

export function Inbox() {
  const { get, set } = useUrl();
  const unread = get("show") === "unread";
  const { data, error, isPending, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInbox(unread);
  const count = useUnread().data?.unread ?? 0;
  const read = useRead();
  const found = data?.pages.flatMap((page) => page.items) ?? [];
  const open = (notice: NoticeShown) => { if (!notice.read) read.mutate([notice]); };
  return (
    <>
      <PageHeader title="Inbox" note="What happened that you should know; what you have read is yours alone." actions={<>
        <Button aria-pressed={unread} onClick={() => set({ show: unread ? null : "unread" })}>{unread ? "Show all" : "Only unread"}</Button>
        <Button icon={CheckCheck} disabled={count === 0} reason={count === 0 ? "Nothing is unread" : undefined} busy={read.isPending} onClick={() => read.mutate(null)}>Read all</Button>
        <LinkButton href="/settings/notifications/" icon={BellRing}>Rules</LinkButton>
      </>} />
      {isPending && <Skeleton rows={5} />}
      {error && <ErrorBox error={error} retry={() => void refetch()} />}
      {data && found.length === 0 && (
        <EmptyState icon={Icon} title={unread ? "All is read" : "Nothing has happened yet"} command="camel-ext notifications">
          Runs that wait for you, failures, finished trainings and certificates come here by themselves.
        </EmptyState>
      )}
      {found.length > 0 && (
        <div className="max-w-3xl">
          <Card title={unread ? "Unread" : "All"} flush><ul className="border-t border-border">{found.map((notice) => <Notice key={notice.id} notice={notice} onOpen={open} />)}</ul></Card>
          {hasNextPage && <Button className="mt-3" busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>Older</Button>}
        </div>
      )}
    </>
  );
}
