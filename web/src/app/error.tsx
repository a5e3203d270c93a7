"use client";

import { RotateCw } from "lucide-react";
import { useEffect } from "react";

import { Button } from "@/kit/ui/Button";
import { EmptyState } from "@/kit/ui/Moments";

const ASK_EVERY_MS = 1000;
const AGAIN_MS = 30_000; // a page that fails right after it was loaded anew is not loaded for ever
const LAST = "camel-ext.reloaded-at";

/** A page that could not be shown: its scripts did not come, for the server went away, or a bug of ours.
 *  It is loaded anew by itself as soon as the server answers. */
export default function PageFailed() {
  useEffect(() => {
    if (Date.now() - Number(sessionStorage.getItem(LAST) ?? 0) < AGAIN_MS) return;
    const asking = setInterval(() => {
      void fetch("/health/live", { cache: "no-store" }).then((answer) => {
        if (answer.ok) reload();
      }, () => undefined);
    }, ASK_EVERY_MS);
    return () => { clearInterval(asking); };
  }, []);
  return (
    <EmptyState icon={RotateCw} title="This page could not be loaded" action={<Button onClick={reload}>Load it again</Button>}>
      It comes back by itself once the server answers. Nothing that was saved is lost.
    </EmptyState>
  );
}

function reload(): void {
  sessionStorage.setItem(LAST, String(Date.now()));
  location.reload();
}
