/** Take the last promotion of an alias back, with a reason for the record. */
"use client";

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";

import { api, idempotencyKey, unwrap } from "@/kit/api/client";
import type { AliasShown, DecisionShown } from "@/kit/api/schema";
import { useVersions } from "@/kit/api/versions";
import { Button } from "@/kit/ui/Button";
import { Dialog } from "@/kit/ui/Dialog";
import { TextArea } from "@/kit/ui/Field";
import { ErrorBox } from "@/kit/ui/Moments";
import { say } from "@/kit/ui/Toast";

export function RollBackDialog({ alias, decision, onClose }: { alias: AliasShown; decision: DecisionShown; onClose: () => void }) {
  const { nameOf } = useVersions();
  const client = useQueryClient();
  const key = useRef(idempotencyKey());
  const [reason, setReason] = useState("");
  const names = (targets: { version_id?: unknown }[]) => targets.map((target) => nameOf(String(target.version_id)) ?? "an unknown version").join(" and ");
  const now = names(alias.targets), before = names(decision.from_targets);
  const back = useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/decisions/rollback", { params: { header: { "Idempotency-Key": key.current } } as never, headers: { "Idempotency-Key": key.current }, body: { alias: alias.name, reason } })),
    onSuccess: () => {
      say(`${alias.name} answers by ${before} again`);
      void client.invalidateQueries({ queryKey: ["aliases"] });
      void client.invalidateQueries({ queryKey: ["decisions"] });
      onClose();
    },
    onError: () => { key.current = idempotencyKey(); },
  });
  return (
    <Dialog open onClose={onClose} title={`Roll ${alias.name} back to ${before}?`}
      actions={<><Button autoFocus onClick={onClose}>Keep {now}</Button><Button kind="danger-fill" busy={back.isPending} disabled={reason.trim() === ""} reason={reason.trim() === "" ? "Say why first" : undefined} onClick={() => back.mutate()}>Roll back</Button></>}>
      <p>New runs use {before} within seconds. Runs that are going on keep {now}. The rollback is itself on record.</p>
      <TextArea label="Reason" rows={2} maxLength={1500} value={reason} help="Shown in the history of the alias" onChange={(event) => setReason(event.target.value)} />
      {back.error && <ErrorBox error={back.error} />}
    </Dialog>
  );
}
