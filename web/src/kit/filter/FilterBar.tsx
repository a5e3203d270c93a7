/** One input; tokens are painted as they are typed, mistakes underlined at their place. `/` focuses. */
"use client";

import clsx from "clsx";
import { CircleX, ListFilter, X } from "lucide-react";
import { useEffect, useId, useLayoutEffect, useRef, useState } from "react";

import { count as shortCount } from "../format/format";
import { useKeys } from "../keys/useKeys";
import { IconButton, KeyCap } from "../ui/Button";
import { type FilterError, type FilterField, parseFilter, type Token } from "./parse";
import { suggest, take, type Value } from "./suggest";

const PAUSE_MS = 400; // after the last letter, a filter that reads well is applied

interface FilterBarProps {
  label: string;
  source: string;
  onChange: (source: string) => void;
  fields: readonly FilterField[];
  /** Known values by the filter's name, with counts where there are some. */
  values?: Record<string, readonly Value[]>;
  placeholder?: string;
}

export function FilterBar({ label, source, onChange, fields, values = {}, placeholder }: FilterBarProps) {
  const id = useId();
  const input = useRef<HTMLInputElement>(null), paint = useRef<HTMLDivElement>(null);
  const [typed, setTyped] = useState(source);
  const [caret, setCaret] = useState(0);
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  const [seen, setSeen] = useState(source);
  if (source !== seen) { // a facet, the brush or the back button changed it, or what was typed has arrived
    setSeen(source);
    if (source !== typed.trim()) setTyped(source);
  }
  const { tokens, error } = parseFilter(typed, fields, "text");
  const offered = open ? suggest(typed, caret, fields, values) : null;
  const list = offered?.list ?? [];
  const apply = (text: string) => { const tidy = text.trim(); if (tidy !== source) onChange(tidy); };

  const place = useRef<number | null>(null); // where the caret goes with the text that was taken: before the next letter comes
  useLayoutEffect(() => {
    if (place.current !== null) input.current?.setSelectionRange(place.current, place.current);
    place.current = null;
  });
  const late = useRef(apply);
  useEffect(() => { late.current = apply; });
  useEffect(() => {
    if (error || typed.trim() === source) return;
    const timer = setTimeout(() => late.current(typed), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [typed, source, error]);
  useKeys(label, [{ keys: "/", label: "Filter", run: () => input.current?.focus() }]);

  const choose = (index: number) => {
    const next = take(typed, offered!, list[index]!);
    setTyped(next.text);
    setCaret(next.caret);
    setAt(-1);
    if (list[index]!.whole) apply(next.text);
    place.current = next.caret;
  };
  const pressed = (event: React.KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      setOpen(true);
      if (list.length > 0) setAt((at + (event.key === "ArrowDown" ? 1 : list.length + (at < 0 ? 0 : -1))) % list.length);
    } else if (event.key === "Enter") {
      if (at >= 0 && list[at]) choose(at);
      else { if (!error) apply(typed); setOpen(false); }
    } else if (event.key === "Escape") {
      if (open) setOpen(false);
      else input.current?.blur();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const moved = () => setCaret(input.current?.selectionStart ?? 0);
  return (
    <div className="relative min-w-0 flex-1">
      <div className={clsx("flex h-9 items-center gap-2 rounded-control border bg-surface px-2.5 focus-within:outline-2 focus-within:outline-accent max-md:h-11", error && !open ? "border-failed" : "border-border-strong")}>
        <ListFilter aria-hidden size={16} strokeWidth={1.75} className="shrink-0 text-text-3" />
        <div className="relative h-5 min-w-0 flex-1 font-mono text-xs/5 max-md:text-[16px]/5">
          <div ref={paint} aria-hidden className="pointer-events-none absolute inset-0 overflow-hidden whitespace-pre text-text">{painted(typed, tokens, error)}</div>
          <input ref={input} type="text" role="combobox" aria-label={label} aria-expanded={list.length > 0} aria-controls={`${id}-list`} aria-autocomplete="list"
            aria-activedescendant={at >= 0 ? `${id}-${at}` : undefined} aria-invalid={error ? true : undefined} aria-describedby={error ? `${id}-error` : undefined}
            spellCheck={false} autoComplete="off" autoCapitalize="off" placeholder={placeholder} value={typed}
            onChange={(event) => { setTyped(event.target.value); setCaret(event.target.selectionStart ?? 0); setOpen(true); setAt(-1); }}
            onSelect={moved} onFocus={() => { setOpen(true); moved(); }} onBlur={() => { setOpen(false); if (!error) apply(typed); }} onKeyDown={pressed}
            onScroll={(event) => { if (paint.current) paint.current.scrollLeft = event.currentTarget.scrollLeft; }}
            className="absolute inset-0 w-full bg-transparent [font:inherit] text-transparent caret-accent outline-none [-webkit-text-fill-color:transparent] placeholder:font-sans placeholder:[-webkit-text-fill-color:var(--text-3)]" />
        </div>
        {typed ? <IconButton icon={X} label="Clear the filter" onClick={() => { setTyped(""); apply(""); input.current?.focus(); }} className="-mr-1.5 size-6 max-md:size-9" /> : <KeyCap>/</KeyCap>}
      </div>
      {error && <p id={`${id}-error`} role="alert" className={clsx("flex items-center gap-1 text-xs text-failed", list.length > 0 ? "sr-only" : "mt-1")}><CircleX aria-hidden size={14} className="shrink-0" /> {error.text}</p>}
      <ul id={`${id}-list`} role="listbox" aria-label={`${label}: suggestions`} hidden={list.length === 0}
        className="absolute inset-x-0 top-full z-40 mt-1 max-h-80 max-w-lg overflow-y-auto rounded-sheet border border-border bg-surface p-1 shadow-pop">
        {list.map((each, index) => (
          <li key={each.insert} id={`${id}-${index}`} role="option" aria-selected={index === at} onPointerDown={(event) => { event.preventDefault(); choose(index); }}
            className={clsx("flex min-h-8 cursor-pointer items-center gap-3 rounded-control px-2.5 max-md:min-h-11", index === at ? "bg-accent-soft text-text" : "hover:bg-hover")}>
            <span className="shrink-0 font-mono text-xs text-text">{each.label}</span>
            <span className="min-w-0 flex-1 truncate text-xs text-text-3">{each.about}</span>
            {each.count !== undefined && <span className="nums text-xs text-text-3">{shortCount(each.count)}</span>}
          </li>
        ))}
      </ul>
    </div>
  );
}

/** The text again, under the transparent one: grounds for tokens, a line under the mistake; no width may change. */
function painted(text: string, tokens: Token[], error: FilterError | null): React.ReactNode[] {
  const parts: React.ReactNode[] = [];
  let at = 0;
  for (const token of tokens) {
    parts.push(text.slice(at, token.start));
    const bad = error !== null && error.start < token.end && error.end > token.start;
    const from = bad ? Math.max(error.start, token.start) : token.end;
    const nameEnd = Math.min(token.valueStart, from);
    parts.push(
      <span key={token.start} className="rounded-[3px] bg-sunken [box-shadow:0_0_0_2px_var(--sunken)]">
        <span className="text-text-3">{text.slice(token.start, nameEnd)}</span>{text.slice(nameEnd, from)}
        {bad && <span className="border-b-2 border-failed text-failed">{text.slice(from, token.end)}</span>}
      </span>,
    );
    at = token.end;
  }
  parts.push(text.slice(at));
  return parts;
}
