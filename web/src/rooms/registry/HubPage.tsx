/** Hub: what answers today, since when, and since whose judgement? */
"use client";

import { Boxes, MessagesSquare } from "lucide-react";

import { useVersions } from "@/kit/api/versions";
import { LinkButton } from "@/kit/ui/Button";
import { Card, PageHeader } from "@/kit/ui/Card";
import { Fill } from "@/kit/ui/Fill";
import { EmptyState, ErrorBox, Skeleton } from "@/kit/ui/Moments";
import { SidePanel } from "@/kit/ui/SidePanel";
import { useUrl } from "@/kit/url";

import { AliasPanel } from "./AliasPanel";
import { Aliases } from "./Aliases";
import { Engines } from "./Engines";
import { Models } from "./Models";
import { useAliases } from "./queries";
import { VersionPanel } from "./VersionPanel";

export function HubPage() {
  const { get, set } = useUrl();
  const versions = useVersions();
  const aliases = useAliases();
  const version = get("version"), alias = get("alias");
  const failed = aliases.error ?? versions.error;
  const open = (what: { version?: string; alias?: string }) => set({ version: what.version ?? null, alias: what.alias ?? null }, version || alias ? "replace" : "push");
  const close = () => set({ version: null, alias: null });
  return (
    <Fill>
      <div className="relative flex min-h-0 flex-1">
        <div className="min-w-0 flex-1 space-y-3 overflow-y-auto px-6 pb-6 max-md:px-3">
          <PageHeader title="Hub" note="What answers today, and where it came from." actions={<LinkButton icon={MessagesSquare} href="/serving/">Try versions side by side</LinkButton>} />
          {failed ? <ErrorBox error={failed} retry={() => { void aliases.refetch(); void versions.refetch(); }} />
            : !aliases.data || versions.isPending ? <Card><Skeleton rows={6} /></Card>
            : versions.all.length === 0 ? <EmptyState icon={Boxes} title="No model is here yet" command="camel-ext apply -f examples/three-roles">Apply a configuration with a models.yaml, or register a model.</EmptyState>
            : <><Aliases aliases={aliases.data.items} open={open} current={alias} /><Models open={open} current={version} aliases={aliases.data.items} /><Engines /></>}
        </div>
        {version && <SidePanel title={<span className="font-[550] text-text">{versions.nameOf(version) ?? "Version"}</span>} onClose={close}><VersionPanel key={version} id={version} /></SidePanel>}
        {!version && alias && <SidePanel title={<span className="font-[550] text-text">Alias {alias}</span>} onClose={close}><AliasPanel key={alias} name={alias} /></SidePanel>}
      </div>
    </Fill>
  );
}
