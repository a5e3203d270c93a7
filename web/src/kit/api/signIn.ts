/** Sign in by a link that works once, or by a key that is checked before it is kept; sign out. */
import { api, ApiError, unwrap } from "./client";
import { readKey, useKey } from "./key";

/** Take the code out of the address at once, so that no history, picture or shared link has it. */
export function takeCode(): string | null {
  const found = /^#code=(.+)$/.exec(location.hash)?.[1];
  if (!found) return null;
  history.replaceState(history.state, "", location.pathname + location.search);
  return decodeURIComponent(found);
}

/** Redeem a link's code for a key of this browser's own; the key it had before is given back. */
export async function signInByCode(code: string): Promise<void> {
  const before = readKey();
  const { secret } = await unwrap(api.POST("/api/v1/sign-ins", { body: { code } }));
  if (before) await api.POST("/api/v1/sign-outs").catch(() => undefined);
  useKey.getState().keep(secret);
}

/** Ask the server whose key it is; keep it only where it is somebody's. */
export async function signInByKey(key: string): Promise<void> {
  if (/[^\x21-\x7e]/.test(key)) throw new Error("A key has no spaces and only plain letters: it begins with cx_.");
  const call = await fetch("/api/v1/me", { headers: { Authorization: `Bearer ${key}` } }).catch(() => null);
  if (!call) throw new Error("The server did not answer. Is it running? Start it with `camel-ext up`.");
  if (call.status === 401) throw new Error("The server does not know this key, or it was revoked, or its time is over.");
  if (!call.ok) throw new ApiError(call.status, await call.json() as ApiError["problem"]);
  useKey.getState().keep(key);
}

/** Revoke the browser's own key; one that was pasted is only forgotten here. */
export async function signOut(): Promise<void> {
  await api.POST("/api/v1/sign-outs").catch(() => undefined);
  useKey.getState().forget();
}
