/** Buttons: ink (one a view), default, quiet, accent (the judging choice), danger. Busy keeps its width. */
"use client";

import clsx from "clsx";
import { LoaderCircle, type LucideIcon } from "lucide-react";
import Link from "next/link";
import { type ComponentProps, useSyncExternalStore } from "react";

import { table } from "../keys/registry";

type Kind = "ink" | "default" | "quiet" | "accent" | "danger" | "danger-fill";

interface Look {
  kind?: Kind | undefined;
  icon?: LucideIcon | undefined;
  /** The key that does the same, shown as a cap. */
  keyCap?: string | undefined;
}

const KINDS: Record<Kind, string> = {
  ink: "bg-primary text-on-primary hover:opacity-90",
  default: "border border-border bg-surface text-text hover:bg-hover",
  quiet: "text-text-2 hover:bg-hover hover:text-text",
  accent: "bg-accent text-on-accent hover:opacity-90",
  danger: "border border-border bg-surface text-failed hover:bg-failed-soft",
  "danger-fill": "bg-failed text-surface hover:opacity-90",
};

function classes(kind: Kind, className?: string) {
  return clsx(
    "inline-flex h-8 shrink-0 items-center justify-center gap-1.5 rounded-control px-3 text-sm font-[550] whitespace-nowrap",
    "transition-colors duration-75 disabled:opacity-45 max-md:h-11 max-md:px-4",
    KINDS[kind],
    className,
  );
}

function Inside({ icon: Icon, keyCap, busy, children }: Look & { busy?: boolean; children?: React.ReactNode }) {
  return (
    <>
      {busy ? <LoaderCircle aria-hidden size={14} className="animate-spin" /> : Icon && <Icon aria-hidden size={14} strokeWidth={1.75} />}
      {children}
      {keyCap && <KeyCap>{keyCap}</KeyCap>}
    </>
  );
}

export function Button({
  kind = "default", icon, keyCap, busy = false, reason, className, children, ...rest
}: Look & ComponentProps<"button"> & { busy?: boolean | undefined; /** Why it is off, on hover and for screen readers. */ reason?: string | undefined }) {
  return (
    <button type="button" title={reason} aria-busy={busy || undefined} {...rest}
      disabled={rest.disabled || busy} className={classes(kind, className)}>
      <Inside icon={icon} keyCap={keyCap} busy={busy}>{children}</Inside>
    </button>
  );
}

export function LinkButton({ kind = "default", icon, keyCap, className, children, ...rest }: Look & ComponentProps<typeof Link>) {
  return <Link prefetch={false} {...rest} className={classes(kind, className)}><Inside icon={icon} keyCap={keyCap}>{children}</Inside></Link>;
}

/** An icon alone, for toolbars: `label` is its tooltip and its name. */
export function IconButton({ icon: Icon, label, className, ...rest }: ComponentProps<"button"> & { icon: LucideIcon; label: string }) {
  return (
    <button type="button" aria-label={label} title={label} {...rest}
      className={clsx("inline-flex size-8 shrink-0 items-center justify-center rounded-control text-text-2 hover:bg-hover hover:text-text disabled:opacity-45 max-md:size-11", className)}>
      <Icon aria-hidden size={16} strokeWidth={1.75} />
    </button>
  );
}

/** The key as somebody likes it; nothing where it is switched off. */
export function KeyCap({ children }: { children: string | number }) {
  const written = String(children);
  const cap = useSyncExternalStore(table.watch, () => table.capOf(written), () => written);
  return cap !== null && <kbd className="inline-flex h-[18px] min-w-[18px] items-center justify-center rounded-key border border-current/30 px-1 font-sans text-2xs max-md:hidden">{cap}</kbd>;
}
