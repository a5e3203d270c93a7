/** Whether what is on the page came from the server, or is what this browser saw last (public/sw.js marks it). */
import { create } from "zustand";

const SEEN_AT = "x-seen-at";

/** The time of the oldest thing on the page that is not from the server now; null: all is. */
export const useSeen = create<{ at: string | null }>(() => ({ at: null }));

export function markSeen(response: Response): void {
  const at = response.headers.get(SEEN_AT);
  const { at: known } = useSeen.getState();
  if (at ? known === null || at < known : known !== null) useSeen.setState({ at });
}
