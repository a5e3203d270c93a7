/** Whether the navigation is wide or a rail: by the width of the window until somebody says otherwise, then as said. */
const NAME = "camel-ext.rail";

/** CSS asks `data-rail` on the root; public/theme.js sets it before the first paint. */
export function toggleRail(): void {
  const root = document.documentElement;
  const isRail = root.dataset.rail ? root.dataset.rail === "on" : !window.matchMedia("(min-width: 1280px)").matches;
  root.dataset.rail = isRail ? "off" : "on";
  localStorage.setItem(NAME, root.dataset.rail);
}
