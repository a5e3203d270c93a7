/** Agents, workflows and models as YAML beside the live graph: what changed, and is it valid? */
"use client";

import clsx from "clsx";
import { Check, Download, FileCode, Upload, Undo2 } from "lucide-react";
import dynamic from "next/dynamic";
import { useEffect, useMemo, useRef, useState } from "react";

import { ApiError } from "@/kit/api/client";
import type { ConfigurationShown, ProblemShown } from "@/kit/api/schema";
import { useKeys } from "@/kit/keys/useKeys";
import { Button } from "@/kit/ui/Button";
import { Dialog } from "@/kit/ui/Dialog";
import { SelectField } from "@/kit/ui/Field";
import { Fill } from "@/kit/ui/Fill";
import { EmptyState, ErrorBox, Skeleton } from "@/kit/ui/Moments";
import { say } from "@/kit/ui/Toast";
import { useUrl } from "@/kit/url";

import { saveFile } from "../export";
import { useDraft } from "./draft";
import { type FileName, FILES, type Files, readNow, useApply, useCheck, useConfigurations, useKnownNames, useSchemas } from "./queries";
import { CheckLine, FilesDiff, VersionDialog, Versions, WorkflowGraph } from "./Side";
import { readWorkflows, spotAt } from "./steps";
import { TEMPLATE } from "./template";

const Editor = dynamic(() => import("./Editor"), { ssr: false, loading: () => <Skeleton rows={12} label="Loading the editor" /> });
const PAUSE_MS = 500;
const FIRST = "main";

export function ConfigurationScreen() {
  const url = useUrl();
  const { data, error, refetch } = useConfigurations();
  const name = url.get("name") ?? data?.[0]?.name ?? FIRST;
  if (error) return <div className="py-6"><ErrorBox error={error} retry={() => void refetch()} /></div>;
  if (!data) return <Skeleton rows={10} label="Loading the configuration" />;
  return <One key={name} name={name} saved={data.find((each) => each.name === name)} names={data.map((each) => each.name)} />;
}

function One({ name, saved, names }: { name: string; saved: ConfigurationShown | undefined; names: string[] }) {
  const url = useUrl();
  const { draft, keep } = useDraft(name);
  const stored: Files = saved?.files ?? {};
  const files = draft?.files ?? stored;
  const file = (FILES as readonly string[]).includes(url.get("file") ?? "") ? (url.get("file") as FileName) : "workflows.yaml";
  const [settled, setSettled] = useState<Files | null>(null);
  const [cursor, setCursor] = useState(0);
  const [jump, setJump] = useState<{ offset: number } | null>(null);
  const [theirs, setTheirs] = useState<ConfigurationShown | null>(null);
  const picker = useRef<HTMLInputElement>(null);
  const check = useCheck(name, settled);
  const apply = useApply(name);
  const schemas = useSchemas();
  const names_ = useKnownNames();
  const text = files["workflows.yaml"] ?? "";
  const read = useMemo(() => readWorkflows(text), [text]);
  const spot = file === "workflows.yaml" ? spotAt(read.spots, cursor) : null;
  const workflow = spot?.workflow ?? read.names[0];
  const known = useMemo(() => ({ ...names_, agent: [...new Set([...names_.agent, ...keysUnder(files["agents.yaml"] ?? "", "agents")])], model: [...new Set([...names_.model, ...keysUnder(files["models.yaml"] ?? "", "aliases")])] }), [names_, files]);
  const dirty = draft !== null && FILES.some((each) => (files[each] ?? "") !== (stored[each] ?? ""));

  useEffect(() => {
    const timer = setTimeout(() => setSettled(Object.values(files).some((each) => each.trim()) ? files : null), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [files]);

  const write = (next: Files) => keep({ revision: draft ? draft.revision : saved?.revision ?? null, files: next });
  const send = (revision: number | null) => apply.mutate({ files, revision }, {
    onSuccess: (applied) => { keep(null); setTheirs(null); say(`${name} is v${applied.revision} now`); },
    onError: (problem) => { if (problem instanceof ApiError && (problem.status === 412 || problem.status === 409)) void readNow(name).then(setTheirs, () => undefined); },
  });
  const save = () => { if (dirty && check.data?.applied) send(draft?.revision ?? saved?.revision ?? null); };
  const go = (problem: ProblemShown) => { url.set({ file: problem.file }); setTimeout(() => setJump({ offset: offsetOf(files[problem.file] ?? "", problem.line, problem.column) }), 50); };
  const take = async (chosen: FileList) => {
    const found = await Promise.all([...chosen].filter((each) => (FILES as readonly string[]).includes(each.name)).map(async (each): Promise<[string, string]> => [each.name, await each.text()]));
    if (found.length > 0) write({ ...files, ...Object.fromEntries(found) });
    say(found.length > 0 ? `${found.map(([each]) => each).join(", ")} read; nothing is applied yet` : `Their names decide: ${FILES.join(", ")}`);
  };
  useKeys("Configuration", [{ keys: "Mod+s", label: "Apply", run: save }]);

  if (!saved && !draft) return <EmptyState icon={FileCode} title="No workflow of your own" command="camel-ext apply -f DIR" action={<Button kind="ink" onClick={() => write(TEMPLATE)}>Use proposer_executor_review</Button>}>Start from a template: three agents that work until the reviewer is content.</EmptyState>;
  const revision = Number(url.get("version")) || null;
  return (
    <Fill>
      <header className="flex flex-wrap items-center gap-2 px-6 py-2.5 max-md:px-3">
        <h1 className="truncate">{name}</h1><span className="nums text-text-3">{saved ? `v${saved.revision}` : "not applied yet"}{dirty && ", changed here"}</span>
        {names.length > 1 && <SelectField label="Configuration" bare value={name} options={names.map((each) => ({ value: each, label: each }))} onChange={(event) => url.set({ name: event.target.value, file: null, version: null }, "push")} className="w-36" />}
        <span className="ml-auto flex flex-wrap gap-2">
          <input ref={picker} type="file" multiple accept=".yaml,.yml" aria-label="Files to import" className="hidden" onChange={(event) => { if (event.target.files) void take(event.target.files); event.target.value = ""; }} />
          <Button icon={Upload} onClick={() => picker.current?.click()}>Import</Button>
          <Button icon={Download} onClick={() => { for (const each of FILES) if (files[each]) saveFile(each, files[each], "application/yaml"); }}>Export</Button>
          {dirty && <Button icon={Undo2} onClick={() => { const before = draft; keep(null); say("Back to what is applied", () => keep(before)); }}>Discard</Button>}
          <Button kind="ink" icon={Check} keyCap="Ctrl S" busy={apply.isPending} disabled={!dirty || !check.data?.applied} reason={!dirty ? "Nothing is changed" : !check.data?.applied ? "Mend the problems first" : undefined} onClick={save}>Apply</Button>
        </span>
      </header>
      {apply.error && !theirs && <div className="px-6 pb-2"><ErrorBox error={apply.error} /></div>}
      <div className="flex min-h-0 flex-1 border-t border-border max-lg:flex-col max-lg:overflow-y-auto">
        <div className="flex min-h-0 min-w-0 flex-1 flex-col max-lg:min-h-[420px]">
          <div role="tablist" aria-label="Files" className="flex shrink-0 gap-5 border-b border-border px-5">
            {FILES.map((each) => (
              <button key={each} type="button" role="tab" aria-selected={each === file} onClick={() => url.set({ file: each })} className={clsx("-mb-px flex h-9 items-center gap-1.5 border-b-2 font-mono text-xs", each === file ? "border-primary font-semibold text-text" : "border-transparent text-text-2")}>
                {each}{(files[each] ?? "") !== (stored[each] ?? "") && <span title="Changed" className="size-1.5 rounded-full bg-accent" />}
              </button>
            ))}
          </div>
          <div className="min-h-0 flex-1"><Editor key={file} file={file} text={files[file] ?? ""} onChange={(next) => { if (next !== (files[file] ?? "")) write({ ...files, [file]: next }); }} onCursor={setCursor} problems={check.data?.problems ?? NONE} schema={schemas.data?.[file]} known={known} jump={jump} /></div>
          <div className="shrink-0 border-t border-border px-4 py-2"><CheckLine checked={check.data} checking={check.isFetching} onProblem={go} /></div>
        </div>
        <aside aria-label="Graph and versions" className="flex w-[460px] shrink-0 flex-col border-l border-border bg-subtle max-lg:w-full max-lg:border-l-0">
          <h2 className="px-4 py-2">{workflow ?? "Workflow"}</h2>
          <div className="h-64 shrink-0 border-y border-border"><WorkflowGraph content={workflow ? read.content[workflow] : undefined} place={spot?.place || null} onPlace={(place) => {
            const found = read.spots.find((each) => each.workflow === workflow && each.place === place);
            if (found) { url.set({ file: "workflows.yaml" }); setTimeout(() => setJump({ offset: found.from }), 50); }
          }} /></div>
          <h2 className="px-4 py-2">Versions</h2>
          <div className="min-h-0 flex-1 overflow-y-auto border-t border-border">{saved ? <Versions name={name} current={saved.revision} onOpen={(version) => url.set({ version })} /> : <p className="p-4 text-text-3">The first appears when it is applied.</p>}</div>
        </aside>
      </div>
      {revision && saved && <VersionDialog name={name} revision={revision} current={saved.revision} now={stored} onClose={() => url.set({ version: null })} />}
      {theirs && (
        <Dialog open wide onClose={() => setTheirs(null)} title={`${name} was changed by someone: which shall stay?`}
          actions={<><Button onClick={() => setTheirs(null)}>Decide later</Button><Button onClick={() => { keep(null); setTheirs(null); }}>Take theirs</Button><Button kind="ink" busy={apply.isPending} onClick={() => send(theirs.revision)}>Keep mine</Button></>}>
          <p>Theirs is v{theirs.revision}; yours was made from v{draft?.revision ?? "?"}. What you typed stays here until you decide.</p>
          <FilesDiff before={theirs.files} after={files} names={[`theirs, v${theirs.revision}`, "mine"]} />
        </Dialog>
      )}
    </Fill>
  );
}

const NONE: ProblemShown[] = [];

function offsetOf(text: string, line: number, column: number): number {
  return text.split("\n").slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0) + column - 1;
}

/** Names directly below a top-level key, whatever state the file is in. */
function keysUnder(text: string, top: string): string[] {
  const block = new RegExp(`^${top}:[^\\n]*\\n((?:[ \\t#][^\\n]*\\n?|\\n)*)`, "m").exec(text)?.[1] ?? "";
  return [...block.matchAll(/^ {2}([\w-]+):/gm)].map((match) => match[1]!);
}
