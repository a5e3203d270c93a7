/** The browser's key. Kept per origin (with its port), sent as a header, so no other page can use it: ADR 12. */
import { create } from "zustand";

const NAME = "camel-ext.key";

interface KeyState {
  key: string | null;
  /** The server refused it: somebody must sign in, yet the page with what was typed stays. */
  refused: boolean;
  keep: (key: string) => void;
  forget: () => void;
}

export const useKey = create<KeyState>((set) => ({
  key: typeof localStorage === "undefined" ? null : localStorage.getItem(NAME),
  refused: false,
  keep: (key) => {
    localStorage.setItem(NAME, key);
    set({ key, refused: false });
  },
  forget: () => {
    localStorage.removeItem(NAME);
    set({ key: null, refused: false });
  },
}));

/** Return the key to send, or null while nobody is signed in. */
export function readKey(): string | null {
  return useKey.getState().key;
}

/** The server answered 401 to this key; an answer to an older one says nothing of it. */
export function refuseKey(sent: string | null): void {
  if (sent && sent === readKey()) useKey.setState({ refused: true });
}
