/** Who acts here: people, and the profiles that keys act as. */
"use client";

import { clockTime } from "@/kit/format/format";
import { Card } from "@/kit/ui/Card";
import { Tag } from "@/kit/ui/Chip";
import { ErrorBox, Skeleton } from "@/kit/ui/Moments";

import { useMe, useMembers } from "./queries";

export function Members() {
  const { data, error, isPending, refetch } = useMembers();
  const me = useMe().data;
  return (
    <Card title="Members" note={data && <span className="nums">{data.length}</span>} flush>
      {isPending && <Skeleton rows={2} />}
      {error && <div className="px-4 pb-3"><ErrorBox error={error} retry={() => void refetch()} /></div>}
      {data === null && <p className="border-t border-border px-4 py-3">Owners see the members. Your role is {me?.role ?? "another"}.</p>}
      <ul>
        {data?.map(({ id, name, kind, created_at }) => (
          <li key={id} className="flex min-h-(--row) items-center gap-3 border-t border-border px-4 py-1">
            <span className="min-w-0 flex-1 truncate font-[550] text-text">{name}{id === me?.principal_id && <span className="font-normal text-text-3"> (you)</span>}</span>
            <Tag>{kind === "key" ? "acts by keys" : kind}</Tag>
            <span className="nums w-28 text-right text-text-3 max-sm:hidden">since {clockTime(created_at)}</span>
          </li>
        ))}
      </ul>
    </Card>
  );
}
