/**
 * Whether the navigation is wide or a rail: until somebody says otherwise by the width of the window, and on pages
 * that one works on for long (a run, a queue) a rail; then as said, for these pages and for the others by themselves.
 */
const NAME = "camel-ext.rail";
const WORK = ["/workflows/run/", "/annotations/queue/"]; // also in public/theme.js, which sets it before the first paint
const WIDE_PX = 1280, WIDE_AT_WORK_PX = 1920; // also in globals.css

function nameFor(path: string): string {
  return WORK.includes(path) ? `${NAME}.work` : NAME;
}

/** Put on the root what CSS asks for: `on`, `off`, `work` (a rail unless there is much room), or nothing. */
export function showRail(path: string): void {
  const root = document.documentElement;
  const said = localStorage.getItem(nameFor(path)) ?? (WORK.includes(path) ? "work" : null);
  if (said) root.dataset.rail = said;
  else delete root.dataset.rail;
}

/** Change it on this page and on its kind, and remember that. */
export function toggleRail(path: string): void {
  const { rail } = document.documentElement.dataset;
  const isRail = rail === "on" || (rail !== "off" && window.innerWidth < (rail === "work" ? WIDE_AT_WORK_PX : WIDE_PX));
  localStorage.setItem(nameFor(path), isRail ? "off" : "on");
  showRail(path);
}
