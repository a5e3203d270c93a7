/** When a key belongs to what is focused or open, and not to the page. */

const TEXT = "input:not([type=checkbox]):not([type=radio]):not([type=button]):not([type=submit]):not([type=range]), textarea, select, [contenteditable]:not([contenteditable=false]), [role=textbox], [role=combobox]";
const PRESSED = "button, [role=button], summary, input[type=checkbox], input[type=radio], input[type=button], input[type=submit], input[type=range]";
const ROVING = "[role=menu], [role=menubar], [role=listbox], [role=tablist], [role=radiogroup], [role=tree], [role=grid], [role=toolbar], [role=slider], [role=spinbutton]";
const OPEN = "[role=dialog], [role=alertdialog], [role=menu], dialog[open]";

/**
 * Tell whether the page must leave this key alone. A widget that moves focus itself and wants the page's
 * keys to live on inside it says `data-keys="live"`; so does a panel with the role of a dialog that is not modal.
 */
export function guarded(event: KeyboardEvent, name: string): boolean {
  if (event.defaultPrevented || event.isComposing || event.keyCode === 229) return true;
  if (/(^|\+)Alt\+Arrow/.test(name)) return true; // the browser's way back
  if (somethingOpen()) return true;
  const at = event.target instanceof Element ? event.target : document.activeElement;
  if (!at) return false;
  if (at.closest(TEXT)) return !name.startsWith("Mod+");
  const button = at.closest(PRESSED);
  if (button && name !== "Escape" && !name.startsWith("Mod+")) return heldByKeyboard(button) || name === "Enter" || name === "Space" || name.startsWith("Arrow");
  if (at.closest("a[href]") && name === "Enter") return true;
  const roving = at.closest(ROVING);
  return roving !== null && !roving.closest("[data-keys=live]") && name !== "Escape" && !name.startsWith("Mod+");
}

function somethingOpen(): boolean {
  return [...document.querySelectorAll(OPEN)].some((each) => each.getAttribute("data-state") !== "closed" && !each.closest("[data-keys=live], [hidden]"));
}

/**
 * A button that was clicked keeps focus, yet the next key is meant for the page; one that was reached by Tab has the
 * next key itself. `:focus-visible` cannot tell: Chromium puts the ring on what is focused before the key is heard.
 */
function heldByKeyboard(button: Element): boolean {
  return clicked === null || !button.contains(clicked);
}

let clicked: Element | null = null; // what has focus because of a pointer
let byPointer = false;

/** Remember how focus came to where it is; return what stops that. */
export function watchFocus(): () => void {
  const stop = new AbortController();
  const listen = <Name extends keyof WindowEventMap>(name: Name, act: (event: WindowEventMap[Name]) => void) => window.addEventListener(name, act, { capture: true, signal: stop.signal });
  listen("pointerdown", ({ target }) => {
    byPointer = true;
    const focused = document.activeElement;
    if (focused && target instanceof Node && focused.contains(target) && focused !== document.body) clicked = focused;
  });
  listen("keydown", () => { byPointer = false; });
  listen("focusin", ({ target }) => { clicked = byPointer && target instanceof Element ? target : null; });
  return () => stop.abort();
}
