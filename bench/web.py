"""The web app in a real Chromium, on the local server with a million calls in its log.

How soon a page stands (first contentful paint, then its data), what a press costs (until the next paint,
by Event Timing, and until what was asked for is painted), JavaScript of each page as it is sent, 10,000 rows
scrolled without a blank one, the graph of a run of 2,000 turns, and what 50 open tabs cost a server at rest.
Browser and server share this machine's cores, and each page begins with an empty cache. `web_house` makes
what is looked at, `web_page.js` is the clock inside the page. It says nothing of networks or of other browsers.

    python -m bench.web [--data-dir var/bench/million] [--rows 1000000] [--times 5]
"""

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from bench import web_tabs
from bench.method import about, busy, report
from bench.web_house import ROUNDS, TURNS, Things, furnish, prepare
from tests.web.conftest import CHROMIUM, FLAGS, WebServer
from tests.web.scripts import needed_kb

SCRIPT = Path(__file__).with_name("web_page.js").read_text()
VIEW = {"width": 1280, "height": 800}
SCROLLED_ROWS = 10_000
SPEED_PX_PER_S = 4_000
ACTS = 30
LONG_MS = 50.0
TRACED = ["disabled-by-default-devtools.timeline", "__metadata"]
TABS = 50
REST_S = 60.0
SCRIPTS = """() => performance.getEntriesByType("resource")
    .filter((each) => new URL(each.name).pathname.endsWith(".js"))
    .reduce((sum, each) => sum + each.encodedBodySize, 0)"""
FIRST = """() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime"""
TURNS_CAME = """() => [Math.max(...performance.getEntriesByType("resource")
    .filter((each) => each.name.includes("/turns?")).map((each) => each.responseEnd)),
    bench.long.map((each) => each.ms)]"""
ROW = "document.querySelector('[data-row]')"
NODES = f"[...document.querySelectorAll('.react-flow__node')].some((each) => each.textContent.includes('{ROUNDS}'))"
BARS: dict[str, tuple[float, str]] = {  # name: the goal, its unit
    "fcp_ms": (1000, "ms"), "act_ms": (100, "ms"), "next_ms": (50, "ms"), "first_js_kb": (250, "KB"),
    "js_kb": (250, "KB"), "blank_frames": (0, ""), "long_tasks": (0, ""), "graph_ms": (500, "ms"),
    "tabs_ratio": (0.05, ""),
}  # fmt: skip


class Bench:
    """Pages of one server, each in a browser profile of its own unless said otherwise."""

    def __init__(self, browser: Browser, server: WebServer, things: Things) -> None:
        self.browser, self.server, self.things = browser, server, things

    def page(self, *, until: str | None = None) -> Page:
        """Return a signed-in page; `bench.first` is when `until` was first painted."""
        context = self.browser.new_context(base_url=self.server.url, viewport=VIEW)
        context.set_default_timeout(60_000)
        context.add_init_script(f"localStorage.setItem('camel-ext.key', '{self.server.key}')")
        context.add_init_script(SCRIPT)
        if until:
            context.add_init_script(f"bench.first = bench.shown(() => Boolean({until}))")
        return context.new_page()

    def pages(self) -> dict[str, tuple[str, str]]:
        """Return the pages whose start is measured: address, and what shows that their data is there."""
        return {
            "Home": ("/", "document.querySelector('section[aria-label=\"The loop\"] a')"),
            "Runs": ("/workflows/", ROW),
            "Logs": ("/interactions/", ROW),
            "Run": (f"/workflows/run/?id={self.things.run_id}", "document.querySelector('[role=treeitem]')"),
            "Annotate": (f"/annotations/queue/?id={self.things.queue_id}", "document.querySelector('[data-answer]')"),
        }  # fmt: skip


def starts(bench: Bench, times: int) -> dict[str, dict[str, float]]:
    """Open each page with an empty cache, and return medians and the worst of the times."""
    found = {}
    for name, (path, until) in bench.pages().items():
        first, data, scripts = [], [], 0.0
        for _ in range(times):
            page = bench.page(until=until)
            page.goto(path)
            data.append(page.evaluate("() => bench.first"))
            first.append(page.evaluate(FIRST))
            page.wait_for_timeout(1500)  # what comes by itself after it
            scripts = page.evaluate(SCRIPTS) / 1000
            page.context.close()
        found[name] = {
            "fcp_ms": statistics.median(first), "fcp_worst_ms": max(first),
            "data_ms": statistics.median(data), "data_worst_ms": max(data), "js_kb": scripts,
        }  # fmt: skip
    return found


def acted(page: Page, event: str, until: str, act: Callable[[], Any]) -> float:
    """Do something; return milliseconds from its event to the painted frame in which it shows."""
    page.evaluate(f"() => {{ bench.acting = bench.acted('{event}', () => Boolean({until})); }}")
    act()
    return float(page.evaluate("() => bench.acting"))


def acts(bench: Bench, times: int) -> dict[str, dict[str, Any]]:
    """Return what typical acts cost: until what was asked for shows, and until the next paint."""
    page = bench.page()
    found: dict[str, dict[str, Any]] = {}

    def note(name: str, took: list[float]) -> None:
        paints = page.evaluate("() => bench.presses.splice(0).map((each) => each.ms)")
        took.sort()
        found[name] = {
            "median_ms": statistics.median(took), "p95_ms": took[int(0.95 * (len(took) - 1))],
            "next_paint_worst_ms": max(paints, default=0), "acts": len(took),
        }  # fmt: skip

    for act in (
        lambda: _filters(page, note, times),
        lambda: _drawer(page, note),
        lambda: _palette(page, note),
    ):
        page.goto("/interactions/")
        page.locator("[data-row]").first.wait_for()
        page.wait_for_timeout(3000)
        act()
    _turns(bench, page, note)
    _annotate(bench, page, found)
    page.context.close()
    return found


Note = Callable[[str, list[float]], None]


def _filters(page: Page, note: Note, times: int) -> None:
    """A token typed and applied, to the first row of what it finds."""
    took = []
    for _ in range(times):
        for word in ("reviewer", "executor", "proposer"):
            page.keyboard.press("/")
            page.keyboard.press("Control+a")
            page.keyboard.type(f"agent:{word}")
            until = f"[...document.querySelectorAll('[data-row]')].slice(0, 3).every((row) => row.parentElement.parentElement.textContent.includes('{word}'))"
            took.append(
                acted(page, "keydown", f"{ROW} && {until}", lambda: page.keyboard.press("Enter"))
            )
            page.keyboard.press("Escape")
            page.wait_for_timeout(1500)
    note("filter by a token", took)


def _drawer(page: Page, note: Note) -> None:
    """The panel of a turn, opened by a click on its row, to its words; then the next by `j`."""
    took = []
    for at in range(ACTS):
        row = page.locator("[data-row]").nth(at % 12)
        words = "document.querySelector('aside[aria-label=Detail]')?.querySelector('section')"
        took.append(
            acted(
                page, "pointerdown", words, lambda row=row: row.click(position={"x": 300, "y": 10})
            )
        )
        page.keyboard.press("Escape")
        page.locator("aside[aria-label=Detail]").wait_for(state="detached")
    note("open the drawer", took)


def _palette(page: Page, note: Note) -> None:
    """The palette by its keys, to its input; its code is fetched the first time."""
    took = []
    for _ in range(ACTS):
        there = "document.querySelector('[cmdk-input]')"
        took.append(acted(page, "keydown", there, lambda: page.keyboard.press("Control+k")))
        page.keyboard.press("Escape")
        page.locator("[cmdk-input]").wait_for(state="detached")
    note("open the palette", took)


def _turns(bench: Bench, page: Page, note: Note) -> None:
    """From turn to turn in a run of 2,000."""
    page.goto(bench.pages()["Run"][0])
    page.locator("[role=treeitem]").first.wait_for()
    page.wait_for_timeout(3000)
    page.evaluate("bench.presses.length = 0")
    took = []
    for _ in range(ACTS):
        now = page.locator("[role=treeitem][aria-selected=true]").inner_text()
        until = (
            f"document.querySelector('[role=treeitem][aria-selected=true]')?.innerText !== {now!r}"
        )
        took.append(acted(page, "keydown", until, lambda: page.keyboard.press("k")))
        page.wait_for_timeout(100)
    note("next turn, of 2,000", took)


def _annotate(bench: Bench, page: Page, found: dict[str, dict[str, Any]]) -> None:
    """A judgement given, to the next item on the screen (the app's own measure)."""
    page.goto(bench.pages()["Annotate"][0])
    page.locator("[data-answer]").first.wait_for()
    page.evaluate("bench.presses.length = 0")
    for done in range(ACTS):
        page.keyboard.press(str(1 + done % 9))
        page.keyboard.press("Enter")
        page.get_by_text("next item ready").wait_for()
        page.wait_for_timeout(200)
    took = page.evaluate(
        "() => performance.getEntriesByName('annotate:next-shown').map((each) => each.duration)"
    )
    took.sort()
    paints = page.evaluate("() => bench.presses.map((each) => each.ms)")
    found["next item to judge"] = {
        "median_ms": statistics.median(took), "p95_ms": took[int(0.95 * (len(took) - 1))],
        "next_paint_worst_ms": max(paints, default=0), "acts": len(took),
    }  # fmt: skip


def scroll(bench: Bench) -> dict[str, Any]:
    """Scroll through the log as by a wheel until 10,000 rows went by; look at each frame."""
    page = bench.page()
    page.goto("/interactions/")
    page.locator("[data-row]").first.wait_for()
    page.wait_for_timeout(3000)
    page.evaluate(f"() => bench.watch({ROW}.closest('[role=table]').parentElement)")
    page.evaluate("bench.long.length = 0")
    bench.browser.start_tracing(categories=TRACED)
    box = page.get_by_role("table", name="Turns").bounding_box()
    assert box is not None
    gestures = page.context.new_cdp_session(page)
    top = 0.0
    while top < SCROLLED_ROWS:
        gestures.send(
            "Input.synthesizeScrollGesture",
            {"x": box["x"] + 200, "y": 500, "yDistance": -SPEED_PX_PER_S * 2, "speed": SPEED_PX_PER_S,
             "gestureSourceType": "mouse"},
        )  # fmt: skip
        place = f"{ROW}.closest('[role=table]').parentElement.scrollTop / {ROW}.closest('[role=row]').offsetHeight"
        top = page.evaluate(f"() => {place}")
    page.evaluate("bench.seen.stop()")
    spent = task_cpu_ms(bench.browser.stop_tracing())
    seen, long = page.evaluate("[bench.seen, bench.long]")
    page.context.close()
    return {
        "rows": round(top), "frames": seen["frames"], "blank_frames": seen["blank"],
        "outrun": seen["outrun"], "slowest_frame_ms": seen["slowest"],
        "long_tasks": sum(each > LONG_MS for each in spent), "longest_task_ms": max(spent),
        "long_tasks_by_the_clock": len(long),
    }  # fmt: skip


def task_cpu_ms(trace: bytes) -> list[float]:
    """Return the CPU of each task of the page's main thread: by the clock a busy machine would be in it."""
    events = json.loads(trace)["traceEvents"]
    mains = {
        (each["pid"], each["tid"])
        for each in events
        if each["name"] == "thread_name" and each["args"]["name"] == "CrRendererMain"
    }
    return [
        each["tdur"] / 1000
        for each in events
        if each["name"] == "RunTask" and "tdur" in each and (each["pid"], each["tid"]) in mains
    ]


def graph(bench: Bench, times: int) -> dict[str, Any]:
    """From the last turn's arrival to the graph on the screen; then from one graph to the other."""
    first, other, long = [], [], []
    for _ in range(times):
        page = bench.page(until=NODES)
        page.goto(bench.pages()["Run"][0])
        at = page.evaluate("() => bench.first")
        page.wait_for_timeout(2000)
        came, tasks = page.evaluate(TURNS_CAME)
        first.append(at - came)
        long.append(max(tasks, default=0.0))
        several = "[...document.querySelectorAll('.react-flow__node')].some((each) => each.dataset.id.startsWith('rounds['))"
        other.append(acted(page, "keydown", several, lambda page=page: page.keyboard.press("m")))
        page.context.close()
    return {
        "turns": bench.things.turns, "graph_ms": statistics.median(first), "graph_worst_ms": max(first),
        "expanded_ms": statistics.median(other), "expanded_worst_ms": max(other),
        "longest_task_ms": max(long),
    }  # fmt: skip


def resting(bench: Bench) -> list[web_tabs.Resting]:
    """Note what pages do while they are left alone, all at the same time."""
    paths = [path for path, _ in bench.pages().values()] + ["/registry/", "/settings/"]
    opened = [(page := bench.page(), web_tabs.note(page, path)) for path in paths]
    opened[-1][0].wait_for_timeout(web_tabs.SETTLE_S * 1000)
    for _, kind in opened:
        kind.began = time.monotonic()
    opened[-1][0].wait_for_timeout(REST_S * 1000)
    for page, kind in opened:
        kind.end()
        page.context.close()
    return [kind for _, kind in opened]


def met(name: str, value: float) -> str:
    """Return the goal, and whether the value reaches it."""
    bar, unit = BARS[name]
    return f"<= {bar:g} {unit}: {'met' if value <= bar else 'NOT met'}".replace(" :", ":")


def show(figures: dict[str, Any]) -> None:
    """Print the table."""
    for name, start in figures["starts"].items():
        print(
            f"{name:10} first paint {start['fcp_ms']:6.0f} ms (worst {start['fcp_worst_ms']:.0f})  "
            f"{met('fcp_ms', start['fcp_worst_ms'])}; data {start['data_ms']:.0f} ms (worst "
            f"{start['data_worst_ms']:.0f}); {start['js_kb']:.0f} KB of scripts by rest"
        )
    for name, act in figures["acts"].items():
        bar = "next_ms" if name.startswith("next item") else "act_ms"
        print(
            f"{name:22} {act['median_ms']:6.0f} ms, p95 {act['p95_ms']:.0f}  {met(bar, act['p95_ms'])}; "
            f"next paint at worst {act['next_paint_worst_ms']:.0f} ms, {act['acts']} times"
        )
    pages = figures["needed_kb"]
    worst = max(pages, key=lambda page: pages[page])
    print(f"scripts of /: {pages['/']:.0f} KB  {met('first_js_kb', pages['/'])}; most: {worst} "
          f"{pages[worst]:.0f} KB  {met('js_kb', pages[worst])}")  # fmt: skip
    rows, drawn, tabs = figures["scroll"], figures["graph"], figures["tabs"]
    print(f"{rows['rows']:,} rows in {rows['frames']:,} frames: {rows['blank_frames']} with a blank row "
          f"{met('blank_frames', rows['blank_frames'])}, outrun {rows['outrun']} times; {rows['long_tasks']} tasks over "
          f"50 ms of CPU (longest {rows['longest_task_ms']:.0f}) {met('long_tasks', rows['long_tasks'])}, "
          f"{rows['long_tasks_by_the_clock']} by the clock")  # fmt: skip
    print(f"graph of {drawn['turns']:,} turns {drawn['graph_ms']:.0f} ms (worst {drawn['graph_worst_ms']:.0f}) "
          f"{met('graph_ms', drawn['graph_worst_ms'])}; expanded {drawn['expanded_ms']:.0f} ms "
          f"{met('graph_ms', drawn['expanded_worst_ms'])}; longest task {drawn['longest_task_ms']:.0f} ms")  # fmt: skip
    print(f"{TABS} tabs at rest: {tabs['tabs_ratio']:.1%} of a core (nobody there: {tabs['alone_ratio']:.1%})  "
          f"{met('tabs_ratio', tabs['tabs_ratio'])}; a tab asks {tabs['asked_per_tab_per_min']:.1f} times a minute")  # fmt: skip


def main() -> None:
    """Measure; print one table and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", type=Path, default=Path("var/bench/million"))
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    calls, runs = furnish(options.data_dir, options.rows)
    server = WebServer(options.data_dir, port=options.port)
    server.start()
    figures: dict[str, Any] = {"needed_kb": needed_kb()}
    try:
        things = asyncio.run(prepare(server, calls, runs))
        assert things.turns >= TURNS
        load = busy()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            bench = Bench(browser, server, things)
            figures["starts"] = starts(bench, options.times)
            figures["acts"] = acts(bench, options.times)
            figures["scroll"] = scroll(bench)
            figures["graph"] = graph(bench, options.times)
            kinds = resting(bench)
            browser.close()
        figures["tabs"] = asyncio.run(web_tabs.load(server, kinds, TABS, REST_S))
    finally:
        server.stop()
    show(figures)
    print(f"over {calls:,} calls, {runs:,} runs")
    head = about("web", load, ["camel-extensions", "playwright", "fastapi"])
    report(head, calls=calls, runs=runs, figures=figures)


if __name__ == "__main__":
    main()
