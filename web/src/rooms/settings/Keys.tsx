/** Keys: what lets somebody in. A secret is shown once; what is revoked stays revoked. */
"use client";

import { KeyRound } from "lucide-react";
import { useState } from "react";

import type { KeyShown } from "@/kit/api/schema";
import { clockTime } from "@/kit/format/format";
import { say } from "@/kit/ui/Toast";
import { Button } from "@/kit/ui/Button";
import { Card } from "@/kit/ui/Card";
import { Tag } from "@/kit/ui/Chip";
import { Dialog } from "@/kit/ui/Dialog";
import { ErrorBox, Skeleton } from "@/kit/ui/Moments";

import { MakeKey } from "./MakeKey";
import { useKeyList, useMembers, useRevokeKey } from "./queries";

const MOST = 12;

export function Keys() {
  const { data, error, isPending, refetch } = useKeyList();
  const [making, setMaking] = useState(false);
  const [going, setGoing] = useState<KeyShown | null>(null);
  const [all, setAll] = useState(false);
  const valid = data?.filter((key) => !key.revoked_at) ?? [];
  return (
    <Card title="Keys" note={data && <span className="nums">{valid.length}</span>} flush actions={data && <Button icon={KeyRound} onClick={() => setMaking(true)}>Make a key</Button>}>
      {isPending && <Skeleton rows={3} />}
      {error && <div className="px-4 pb-3"><ErrorBox error={error} retry={() => void refetch()} /></div>}
      {data === null && <p className="border-t border-border px-4 py-3">Owners make and revoke keys.</p>}
      <ul>{valid.slice(0, all ? undefined : MOST).map((key) => <KeyRow key={key.id} shown={key} onRevoke={() => setGoing(key)} />)}</ul>
      {valid.length > MOST && !all && <div className="border-t border-border px-4 py-1.5"><Button kind="quiet" onClick={() => setAll(true)}>Show all {valid.length}</Button></div>}
      {making && <MakeKey onClose={() => setMaking(false)} />}
      {going && <Revoke shown={going} onClose={() => setGoing(null)} />}
    </Card>
  );
}

function KeyRow({ shown: { name, prefix, principal_id, for_browser, created_at, expires_at }, onRevoke }: { shown: KeyShown; onRevoke: () => void }) {
  const member = useMembers().data?.find((each) => each.id === principal_id);
  return (
    <li className="flex min-h-(--row) items-center gap-3 border-t border-border px-4 py-1.5">
      <div className="min-w-0 flex-1">
        <p className="truncate font-[550] text-text">{name}</p>
        <p className="nums truncate text-xs text-text-3"><span className="font-mono">{prefix}…</span>{member && ` acts as ${member.name}`}, made {clockTime(created_at)}{expires_at && `, until ${clockTime(expires_at)}`}</p>
      </div>
      {for_browser && <Tag>browser</Tag>}
      <Button kind="danger" onClick={onRevoke} aria-label={`Revoke ${name}`}>Revoke</Button>
    </li>
  );
}

function Revoke({ shown, onClose }: { shown: KeyShown; onClose: () => void }) {
  const revoke = useRevokeKey();
  return (
    <Dialog open onClose={onClose} title={`Revoke "${shown.name}"?`} actions={<>
      <Button autoFocus onClick={onClose}>Keep it</Button>
      <Button kind="danger-fill" busy={revoke.isPending} onClick={() => revoke.mutate(shown.id, { onSuccess: () => { say(`${shown.name} is revoked`); onClose(); } })}>Revoke it</Button>
    </>}>
      <p>Whoever uses it is refused from now on, and its live feeds end within 40 seconds. This cannot be undone; a new key can be made.</p>
      {revoke.error && <ErrorBox error={revoke.error} />}
    </Dialog>
  );
}
