// What bench.web asks of a page: when something stands on the screen, how long after a press, and whether a row
// of a table was ever missing. Put into each page before its own scripts; it changes nothing on it.
(() => {
  const HEAD_PX = 36;

  /** Call back when the frame at hand is painted. */
  const painted = (act) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => act(performance.now());
    port2.postMessage(0);
  };

  /** Call back with the time of the first painted frame in which it is so. */
  const when = (isSo, act) => {
    const look = () => (isSo() ? painted(act) : requestAnimationFrame(look));
    requestAnimationFrame(look);
  };

  /** Rows on the screen that are not in the document. */
  const missing = (scroller) => {
    const group = scroller.querySelector("[role=rowgroup]");
    const there = new Set([...group.children].map((row) => Number(row.getAttribute("aria-rowindex")) - 2));
    const height = parseFloat(group.firstElementChild.style.height);
    const all = Math.round(parseFloat(group.style.height) / height);
    const first = Math.floor(scroller.scrollTop / height);
    const last = Math.min(all, Math.ceil((scroller.scrollTop + scroller.clientHeight - HEAD_PX) / height)) - 1;
    let gone = 0;
    for (let at = first; at <= last; at += 1) if (!there.has(at)) gone += 1;
    return { gone, all };
  };

  const presses = [], long = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (entry.interactionId) presses.push({ name: entry.name, at: entry.startTime, ms: entry.duration });
  }).observe({ type: "event", durationThreshold: 16, buffered: true });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) long.push({ at: entry.startTime, ms: entry.duration });
  }).observe({ type: "longtask", buffered: true });

  window.bench = {
    /** From a press to the next paint, of each that took 16 ms or more (Event Timing, in steps of 8 ms). */ presses,
    /** Tasks of the main thread over 50 ms. */ long,
    shown: (isSo) => new Promise((resolve) => when(isSo, resolve)),
    /** Milliseconds from the next event of a type to the first painted frame in which it is so. */
    acted: (type, isSo) => new Promise((resolve) => {
      window.addEventListener(type, ({ timeStamp }) => when(isSo, (at) => resolve(at - timeStamp)), { capture: true, once: true });
    }),
    /**
     * Look at a table each frame. `blank`: frames painted with a row missing. `outrun`: times that scrolling had
     * gone further than the rows that were drawn, before the table could answer (a compositor might show that).
     */
    watch: (scroller) => {
      const seen = { frames: 0, blank: 0, outrun: 0, rows: 0, from: performance.now(), slowest: 0 };
      let before = performance.now(), on = true;
      window.addEventListener("scroll", (event) => { if (on && event.target === scroller && missing(scroller).gone > 0) seen.outrun += 1; }, true);
      const frame = (now) => {
        if (!on) return;
        const { gone, all } = missing(scroller);
        seen.frames += 1;
        seen.rows = all;
        if (gone > 0) seen.blank += 1;
        seen.slowest = Math.max(seen.slowest, now - before);
        before = now;
        requestAnimationFrame(frame);
      };
      requestAnimationFrame((now) => { before = now; frame(now); });
      seen.stop = () => { on = false; };
      window.bench.seen = seen;
    },
  };
})();
