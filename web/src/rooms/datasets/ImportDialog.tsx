/** Bring a file of pairs in: JSON lines in TRL's conversational preference format. */
"use client";

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { useState } from "react";

import { digits } from "@/kit/format/format";
import { href } from "@/kit/url";
import { Button } from "@/kit/ui/Button";
import { Dialog } from "@/kit/ui/Dialog";
import { TextField } from "@/kit/ui/Field";
import { ErrorBox } from "@/kit/ui/Moments";

import { importFile } from "./importing";

export function ImportDialog({ onClose }: { onClose: () => void }) {
  const router = useRouter();
  const cache = useQueryClient();
  const [name, setName] = useState("");
  const [file, setFile] = useState<File | null>(null);
  const [ratio, setRatio] = useState(0.1);
  const [sent, setSent] = useState(0);
  const bring = useMutation({
    mutationFn: () => importFile(name, file!, ratio, setSent),
    onSuccess: (version) => { void cache.invalidateQueries({ queryKey: ["datasets"] }); router.push(href("/datasets/dataset", { name: version.dataset, version: version.number })); },
  });
  return (
    <Dialog open onClose={onClose} title="Which file of pairs?" actions={<><Button onClick={onClose}>Cancel</Button><Button kind="ink" busy={bring.isPending} disabled={!file || !name} onClick={() => bring.mutate()}>{bring.isPending ? `Sending, ${digits(sent)} pairs` : "Import it"}</Button></>}>
      <p>JSON lines with <code className="font-mono">prompt</code>, <code className="font-mono">chosen</code> and <code className="font-mono">rejected</code> as lists of messages. Parquet is read by the command: <code className="font-mono">camel-ext dataset import FILE</code>.</p>
      <div>
        <label htmlFor="file" className="mb-1 block text-sm font-[550] text-text">File</label>
        <input id="file" type="file" accept=".jsonl,.ndjson,.json" onChange={(event) => { const next = event.target.files?.[0] ?? null; setFile(next); if (next && !name) setName(next.name.replace(/\.\w+$/, "").toLowerCase().replace(/[^a-z0-9_-]+/g, "-")); }} className="w-full text-text file:mr-3 file:h-8 file:rounded-control file:border file:border-border file:bg-surface file:px-3 file:text-text" />
      </div>
      <TextField label="Name of the dataset" value={name} help="Where there is one of this name, this becomes its next version" onChange={(event) => setName(event.target.value)} />
      <TextField label="Share that only watches the training" type="number" step={0.05} min={0} max={0.9} value={ratio} help="Where the file does not say" onChange={(event) => setRatio(Number(event.target.value))} />
      {bring.error && <ErrorBox error={bring.error} title="Nothing was kept" />}
    </Dialog>
  );
}
