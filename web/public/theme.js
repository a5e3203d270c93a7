// Before the first paint, so that no page flashes in the wrong theme. The same name as in ThemeButton.
(() => {
  const kept = localStorage.getItem("camel-ext.theme");
  const dark = kept ? kept === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
})();
