/** What a table must know of the screen: how high a row is, and whether it is a phone's. */
import { useSyncExternalStore } from "react";

const PHONE = "(max-width: 767px)";
const TWO_LINES_PX = 64;

function watchPhone(changed: () => void): () => void {
  const query = window.matchMedia(PHONE);
  query.addEventListener("change", changed);
  return () => query.removeEventListener("change", changed);
}

function watchDensity(changed: () => void): () => void {
  const observer = new MutationObserver(changed);
  observer.observe(document.documentElement, { attributeFilter: ["data-density"] });
  return () => observer.disconnect();
}

/** Tell whether the screen is narrower than 768 px. */
export function usePhone(): boolean {
  return useSyncExternalStore(watchPhone, () => window.matchMedia(PHONE).matches, () => false);
}

/** Return the height of a row in pixels: the token `--row`, or two lines on a phone. */
export function useRowHeight(): number {
  const phone = usePhone();
  const row = useSyncExternalStore(watchDensity, () => parseInt(getComputedStyle(document.documentElement).getPropertyValue("--row"), 10) || 36, () => 36);
  return phone ? TWO_LINES_PX : row;
}
