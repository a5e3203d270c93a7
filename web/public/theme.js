// Before the first paint, so that no page flashes in the wrong look. The names are those of kit/prefs and kit/shell/rail.
(() => {
  let prefs = {};
  try { prefs = JSON.parse(localStorage.getItem("camel-ext.prefs") ?? "{}"); } catch { /* the defaults will do */ }
  const dark = prefs.theme === "dark" || (prefs.theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  const root = document.documentElement.dataset;
  root.theme = dark ? "dark" : "light";
  root.density = prefs.density ?? "default";
  const work = ["/workflows/run/", "/annotations/queue/"].includes(location.pathname);
  const rail = localStorage.getItem(work ? "camel-ext.rail.work" : "camel-ext.rail") ?? (work ? "work" : null);
  if (rail) root.rail = rail;
})();
