/** The browser's key. Kept per origin (with its port), sent as a header, so no other page can use it: ADR 12. */
import { create } from "zustand";

const NAME = "camel-ext.key";

interface KeyState {
  key: string | null;
  keep: (key: string) => void;
  forget: () => void;
}

export const useKey = create<KeyState>((set) => ({
  key: typeof localStorage === "undefined" ? null : localStorage.getItem(NAME),
  keep: (key) => {
    localStorage.setItem(NAME, key);
    set({ key });
  },
  forget: () => {
    localStorage.removeItem(NAME);
    set({ key: null });
  },
}));

/** Return the key to send, or null while nobody is signed in. */
export function readKey(): string | null {
  return useKey.getState().key;
}

/** Sign out here: the key was refused, or the user asked. */
export function forgetKey(): void {
  useKey.getState().forget();
}
