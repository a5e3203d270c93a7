/**
 * What a person prefers: here at once, on the server a moment later, the same in every browser of theirs.
 * Of two browsers that change at once, each change stands; of the same preference the later one.
 */
"use client";

import { create } from "zustand";

import { api, ApiError, unwrap } from "../api/client";
import type { Preferences as Sent } from "../api/schema";

export type Prefs = Required<Sent>;

/** Also read by public/theme.js, before the first paint. */
const NAME = "camel-ext.prefs";
const SEND_MS = 600;

export const DEFAULTS: Prefs = {
  theme: "system", density: "default", keys_enabled: true, remapped_keys: {}, fast_lane: false, columns: {}, views: {}, toured: false,
};

interface PrefsState {
  prefs: Prefs;
  /** What was changed here and the server does not know yet. */
  unsent: Partial<Prefs>;
  problem: string | null;
}

export const usePrefsState = create<PrefsState>(() => ({ prefs: { ...DEFAULTS, ...kept() }, unsent: {}, problem: null }));

/** Read one preference. */
export function usePref<Name extends keyof Prefs>(name: Name): Prefs[Name] {
  return usePrefsState((state) => state.prefs[name]);
}

/** Change some, here at once. */
export function prefer(changes: Partial<Prefs>): void {
  usePrefsState.setState(({ prefs, unsent }) => ({ prefs: { ...prefs, ...changes }, unsent: { ...unsent, ...changes } }));
  keep();
  clearTimeout(timer);
  timer = setTimeout(() => void send(), SEND_MS);
}

/** Fetch what the server keeps; what was changed here meanwhile goes before. */
export async function fetchPrefs(): Promise<void> {
  try {
    await read();
  } catch {
    return; // no answer: what is kept here will do
  }
  if (Object.keys(usePrefsState.getState().unsent).length > 0) await send();
}

/** Another person: nothing of the last one stays but the look of this screen. */
export function forgetPrefs(): void {
  clearTimeout(timer);
  const { theme, density } = usePrefsState.getState().prefs;
  usePrefsState.setState({ prefs: { ...DEFAULTS, theme, density }, unsent: {}, problem: null });
  keep();
}

let timer: ReturnType<typeof setTimeout> | undefined;
let tag = '"0"';
let sending = false;

async function read(): Promise<void> {
  const call = await api.GET("/api/v1/preferences");
  const found = await unwrap(Promise.resolve(call));
  tag = call.response.headers.get("etag") ?? tag;
  usePrefsState.setState(({ unsent }) => ({ prefs: { ...DEFAULTS, ...found, ...unsent } }));
  keep();
}

async function send(tries = 3): Promise<void> {
  if (sending) return;
  sending = true;
  const { prefs, unsent } = usePrefsState.getState();
  try {
    const call = await api.PUT("/api/v1/preferences", { params: { header: { "if-match": tag } }, body: prefs });
    await unwrap(Promise.resolve(call));
    tag = call.response.headers.get("etag") ?? tag;
    usePrefsState.setState((now) => ({ problem: null, unsent: Object.fromEntries(Object.entries(now.unsent).filter(([name, value]) => unsent[name as keyof Prefs] !== value)) }));
  } catch (error) {
    sending = false;
    if (error instanceof ApiError && error.status === 412 && tries > 0) {
      await read();
      return send(tries - 1);
    }
    usePrefsState.setState({ problem: error instanceof Error ? error.message : String(error) });
  }
  sending = false;
  const { problem, unsent: left } = usePrefsState.getState();
  if (!problem && Object.keys(left).length > 0) await send();
}

function kept(): Partial<Prefs> {
  if (typeof localStorage === "undefined") return {};
  try {
    return JSON.parse(localStorage.getItem(NAME) ?? "{}") as Partial<Prefs>;
  } catch {
    return {};
  }
}

function keep(): void {
  localStorage.setItem(NAME, JSON.stringify(usePrefsState.getState().prefs));
}
