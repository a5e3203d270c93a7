/** A webhook's secret: shown this once, when it was made or rotated; and rotating it. */
"use client";

import { cameSecond } from "@/kit/api/client";
import type { ChannelMade, ChannelShown } from "@/kit/api/schema";
import { Button } from "@/kit/ui/Button";
import { Copy } from "@/kit/ui/Copy";
import { Dialog } from "@/kit/ui/Dialog";
import { ErrorBox } from "@/kit/ui/Moments";

import { useRotate } from "./queries";

export function Secret({ made, rotated = false, onClose }: { made: ChannelMade; rotated?: boolean; onClose: () => void }) {
  return (
    <Dialog open onClose={onClose} title="Have you kept its secret?" actions={<Button kind="ink" onClick={onClose}>I have it</Button>}>
      <p>{made.name} signs each message with it (Standard Webhooks), so that the other side knows that it is yours. It is not shown again.</p>
      {rotated && <p>For a day the old one signs, too. Give the new one to the other side until then.</p>}
      <Copy text={made.secret ?? ""} className="font-mono text-xs break-all text-text">{made.secret}</Copy>
    </Dialog>
  );
}

export function Rotate({ channel, onClose }: { channel: ChannelShown; onClose: () => void }) {
  const rotate = useRotate();
  if (rotate.data) return <Secret made={rotate.data} rotated onClose={onClose} />;
  return (
    <Dialog open onClose={onClose} title={`Give ${channel.name} a new secret?`} actions={<>
      <Button autoFocus onClick={onClose}>Keep the old one</Button>
      <Button kind="danger-fill" busy={rotate.isPending} onClick={() => rotate.mutate(channel)}>Rotate secret</Button>
    </>}>
      <p>The new one is shown once, next. For a day the old one signs, too, so that nothing is refused while the other side changes. Rotating again within that day ends the old one at once.</p>
      {rotate.error && <ErrorBox error={rotate.error} title={cameSecond(rotate.error) ? `Somebody changed ${channel.name} meanwhile. This is about it as it is now` : undefined} />}
    </Dialog>
  );
}
