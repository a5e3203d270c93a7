/** What the trainer's libraries said: the last lines, following the end while it runs. */
"use client";

import { useLayoutEffect, useRef } from "react";

import { reveal } from "@/kit/text/Untrusted";
import { Card } from "@/kit/ui/Card";
import { Copy } from "@/kit/ui/Copy";
import type { TrainingShown } from "@/kit/api/schema";

import { isOpen, useConsole } from "./queries";

export function Console({ job, tall = false }: { job: TrainingShown; tall?: boolean }) {
  const { data } = useConsole(job.id, isOpen(job.state));
  const text = data?.text || job.console_tail || "";
  const box = useRef<HTMLPreElement>(null);
  const atEnd = useRef(true);
  useLayoutEffect(() => { if (box.current && atEnd.current) box.current.scrollTop = box.current.scrollHeight; }, [text]);
  return (
    <Card title="Console" note="the last lines" actions={<Copy text={text}>Copy</Copy>}>
      <pre ref={box} role="log" aria-live="off" tabIndex={0} aria-label="What the trainer says" onScroll={({ currentTarget: at }) => { atEnd.current = at.scrollHeight - at.scrollTop - at.clientHeight < 24; }}
        className={`${tall ? "max-h-[60dvh]" : "h-44"} overflow-auto font-mono text-xs whitespace-pre-wrap text-text [overflow-wrap:anywhere]`}>{text ? reveal(text.trimEnd()) : "Nothing was said yet."}</pre>
    </Card>
  );
}
