/** What is judged here: queues for people, all judgements, verifiers over many answers. */
"use client";

import { Plus } from "lucide-react";
import dynamic from "next/dynamic";
import { useState } from "react";

import { useKeys } from "@/kit/keys/useKeys";
import { href, useUrl } from "@/kit/url";
import { Button } from "@/kit/ui/Button";
import { PageHeader } from "@/kit/ui/Card";
import { Fill } from "@/kit/ui/Fill";
import { TabLinks } from "@/kit/ui/TabLinks";

import { Batches } from "./Batches";
import { Judgements } from "./Judgements";
import { Queues } from "./Queues";

const BatchDialog = dynamic(() => import("./BatchDialog").then((module) => module.BatchDialog), { ssr: false });
const NewQueue = dynamic(() => import("./NewQueue").then((module) => module.NewQueue), { ssr: false });

const TABS = [
  { id: "queues", word: "Queues", href: href("/annotations") },
  { id: "judgements", word: "Judgements", href: href("/annotations", { tab: "judgements" }) },
  { id: "verifiers", word: "Verifiers", href: href("/annotations", { tab: "verifiers" }) },
];

export function Annotations() {
  const { get } = useUrl();
  const tab = TABS.find((each) => each.id === get("tab"))?.id ?? "queues";
  const [making, setMaking] = useState(false);
  const verify = tab === "verifiers";
  useKeys("Annotate", [{ keys: "n", label: verify ? "Run a verifier" : "New queue", run: () => setMaking(true) }]);
  return (
    <Fill>
      <div className="shrink-0 px-6 max-md:px-3">
        <PageHeader title="Annotate" note="Which answer is right?" actions={<Button kind="ink" icon={Plus} onClick={() => setMaking(true)}>{verify ? "Run a verifier" : "New queue"}</Button>} />
        <TabLinks label="Parts of Annotate" tabs={TABS} current={tab} />
      </div>
      {tab === "judgements" ? <Judgements /> : verify ? <Batches onMake={() => setMaking(true)} /> : <Queues onMake={() => setMaking(true)} />}
      {making && (verify ? <BatchDialog onClose={() => setMaking(false)} /> : <NewQueue onClose={() => setMaking(false)} />)}
    </Fill>
  );
}
