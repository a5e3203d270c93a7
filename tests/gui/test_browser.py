"""The GUI as a person meets it: `camel-ext gui` as a process, its pages in a real Chromium."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from camel_ext_client import Client
from playwright.sync_api import Dialog, Page, Request, expect, sync_playwright

from tests.cli.conftest import Served
from tests.gui.conftest import key_of

ROOT = Path(__file__).parents[2]
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"]  # fmt: skip
PAGES = ("", "runs", "logs", "annotate", "training", "compare", "configuration")
EVIL = (
    "<img src=x onerror=alert(1)><script>alert(2)</script> ![x](http://evil.invalid/a.png) "
    "[c](javascript:alert(3)) $\\href{javascript:alert(4)}{x}$ <svg onload=alert(5)> :red[b] **d**"
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium is found"),
]


@contextmanager
def started(served: Served) -> Iterator[str]:
    """The GUI on a free port, as its command starts it; yields the address that it says."""
    process = subprocess.Popen(
        [sys.executable, "-m", "camel_ext.cli", "gui", "--server", served.url, "--no-open",
         "--data-dir", str(served.data_dir)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )  # fmt: skip
    late = threading.Timer(60, process.kill)
    late.start()
    try:
        assert process.stdout is not None
        address = next(line.strip() for line in process.stdout if "token=" in line)
        late.cancel()
        yield address
    finally:
        late.cancel()
        process.terminate()
        process.communicate(timeout=20)
    assert process.returncode == 0


@dataclass
class Seen:
    """What a page asked of the network and said in dialogs."""

    hosts: set[str] = field(default_factory=set)
    urls: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("request", self._request)
        page.on("dialog", self._dialog)

    def _dialog(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def _request(self, request: Request) -> None:
        self.urls.append(request.url)
        if urlsplit(request.url).scheme in ("http", "https", "ws"):
            self.hosts.add(str(urlsplit(request.url).hostname))


def test_a_run_is_started_watched_judged_and_looked_up(served: Served, tmp_path: Path) -> None:
    served.answers["evil"] = EVIL
    seen, key = Seen(), key_of(served)
    with started(served) as address, sync_playwright() as playwright:
        assert key not in address
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(30_000)
        expect.set_options(timeout=30_000)
        seen.watch(page)
        page.goto(address)
        expect(page.get_by_role("heading", name="Home")).to_be_visible()
        with Client(served.url, key) as client:
            _run(page, client)
            _judge(page, client)
        _find(page, tmp_path)
        _every_page(page, address)
        assert seen.dialogs == []
        assert seen.hosts == {"127.0.0.1"}
        assert not any(key in url for url in [*seen.urls, page.url])
        assert key not in page.content()
        _stranger(page, address)
        browser.close()


def _run(page: Page, client: Client) -> None:
    page.get_by_role("link", name="Runs").click()
    page.get_by_role("combobox", name="Workflow").click()
    page.get_by_role("option", name="write").click()
    expect(page.get_by_text("Write a line, and check it.")).to_be_visible()
    _settled(page)
    page.get_by_role("textbox", name="goal").fill("something evil")
    page.get_by_role("button", name="Start the run").click()
    expect(page.get_by_test_id("stMetricValue").first).to_contain_text("succeeded")
    expect(page.get_by_text("<script>alert(2)</script>").first).to_be_visible()
    assert page.locator("img[src*=evil], img[src=x], svg[onload]").count() == 0
    assert "run=" in page.url
    page.reload()  # the address is the whole state, and the token brings the session back
    expect(page.get_by_test_id("stMetricValue").first).to_contain_text("succeeded")
    assert client.runs.list(limit=1)["items"][0]["input"]["goal"] == "something evil"


def _judge(page: Page, client: Client) -> None:
    ids = [row["id"] for row in client.interactions.list()["items"]]
    client.annotations.queues.create("look", "thumbs", sets=[ids[:1]])
    page.get_by_role("link", name="Annotate").click()
    expect(page.get_by_text("0 of 1 judged")).to_be_visible()
    _settled(page)
    expect(page.get_by_text("onerror=alert(1)").first).to_be_visible()
    why = page.get_by_role("textbox", name="Why (optional)")
    why.fill("x")
    why.press("1")  # typed, not pressed: keys do nothing while somebody writes
    why.press("Tab")
    assert client.annotations.list()["items"] == []
    _settled(page)
    page.get_by_role("heading", name="Annotate").click()
    page.keyboard.press("2")
    expect(page.get_by_text("All judged.")).to_be_visible()
    [made] = client.annotations.list()["items"]
    assert (made["value"], made["rationale"]) == ({"up": False}, "x1")


def _find(page: Page, tmp_path: Path) -> None:
    page.get_by_role("link", name="Logs").click()
    expect(page.get_by_role("heading", name="Logs")).to_be_visible()
    _settled(page)
    page.get_by_role("textbox", name="Text").fill("evil")
    page.get_by_test_id("stBaseButton-primaryFormSubmit").click()
    expect(page.get_by_text("1 calls, all that match")).to_be_visible()
    _settled(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as CSV").click()
    download.value.save_as(tmp_path / "calls.csv")
    assert "<script>alert(2)</script>" in (tmp_path / "calls.csv").read_text()


def _every_page(page: Page, address: str) -> None:
    token = urlsplit(address).query
    base = address.partition("?")[0]
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 844})
        for path in PAGES:
            page.goto(f"{base}{path}?{token}")
            expect(page.get_by_role("heading", level=1)).to_be_visible()
            _settled(page)
            assert page.get_by_test_id("stException").count() == 0, path
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{path} is {wide} px wide on {width}"


def _settled(page: Page) -> None:
    """Wait until the script has run and all that it shows is drawn."""
    expect(page.locator("[data-test-script-state=notRunning]")).to_be_visible()
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)


def _stranger(page: Page, address: str) -> None:
    page.context.clear_cookies()
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(address.partition("?")[0])
    expect(page.get_by_role("textbox", name="Key")).to_be_visible()
    assert page.get_by_role("heading", name="Runs now").count() == 0
