"""The built web app on the real server in a real Chromium, for every screen's tests.

All of it is slow: mark the module `pytestmark = pytest.mark.slow`.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    expect,
    sync_playwright,
)

from tests.ports import free_port
from tests.web.lived_in import LivedIn, lived_in

ROOT = Path(__file__).parents[2]
WEB = ROOT / "web"
CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"]  # fmt: skip
START_S = 150.0
expect.set_options(timeout=15_000)  # two cores that have other work, too
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let `make pictures` write what pictures are compared with."""
    parser.addoption(
        "--write-pictures", action="store_true", help="keep the pages as they look now"
    )


@pytest.fixture(scope="session")
def built_web() -> Path:
    """The static export, built anew where a source is younger than it."""
    out = WEB / "out"
    sources = [path for folder in ("src", "public") for path in (WEB / folder).rglob("*")]
    sources += [WEB / name for name in ("package-lock.json", "next.config.ts")]
    sources.append(ROOT / "docs" / "openapi.json")
    made = out / "csp.json"  # written last
    youngest = max(path.stat().st_mtime for path in sources if path.name != "schema.ts")
    if not made.exists() or made.stat().st_mtime < youngest:
        assert shutil.which("npm"), "the web app is not built, and there is no Node to build it"
        environment = {**os.environ, "NEXT_TELEMETRY_DISABLED": "1"}
        subprocess.run(["npm", "run", "build"], cwd=WEB, env=environment, check=True)
    return out


@dataclass
class WebServer:
    """A server with the web app; `kill` it, and `start` it again on the same port and data."""

    data_dir: Path
    environment: dict[str, str] = field(default_factory=dict)
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def key(self) -> str:
        """The owner's key."""
        return (self.data_dir / "owner.key").read_text().strip()

    def client(self) -> httpx.Client:
        """A client of its API, as the owner."""
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60)

    def start(self) -> None:
        """Start it and wait until it is ready."""
        if self.port == 0:
            self.port = free_port()
        words = ["up", "--data-dir", str(self.data_dir), "--port", str(self.port), "--no-open"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "camel_ext.cli", *words],
            cwd=ROOT,
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_S
        while not self._ready():
            assert self.process.poll() is None, "the server died while it started"
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.05)

    def kill(self) -> None:
        """End it without a word."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End it in order."""
        assert self.process is not None
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()

    def _ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health/ready").status_code == 200
        except httpx.TransportError:
            return False


@pytest.fixture(scope="module")
def server_settings() -> dict[str, str]:
    """Settings of the server as its environment has them; a module may say others."""
    return {}


@pytest.fixture(scope="module")
def web_server(
    built_web: Path,  # the server finds it by itself
    bundled_model: Path,
    server_settings: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[WebServer]:
    """A fresh server for the tests of a module, with the bundled model."""
    data_dir = tmp_path_factory.mktemp("web") / "data"
    models = data_dir / "models"
    models.mkdir(parents=True)
    for file in bundled_model.parent.iterdir():
        (models / file.name).symlink_to(file)
    server = WebServer(data_dir, server_settings)
    server.start()
    yield server
    server.stop()


@pytest.fixture(
    scope="module"
)  # its loop stands still but counts as running: no async test may meet it
def browser() -> Iterator[Browser]:
    """Debian's Chromium: Playwright's own cannot be had everywhere."""
    if not Path(CHROMIUM).exists():
        pytest.skip(f"no {CHROMIUM}: install Debian's chromium to run the browser tests")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class Served(Protocol):
    """A server that pages are opened from."""

    @property
    def url(self) -> str: ...

    @property
    def key(self) -> str: ...


@dataclass
class Pages:
    """Makes pages, and keeps what went wrong in them."""

    browser: Browser
    server: Served
    before: str = ""  # a script that runs before the page's own
    contexts: list[BrowserContext] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def __call__(
        self, theme: str = "light", width: int = 1280, height: int = 800, *, signed_in: bool = True
    ) -> Page:
        """Return a page of a fresh browser profile, signed in as the owner."""
        context = self.browser.new_context(
            base_url=self.server.url,
            viewport={"width": width, "height": height},
            color_scheme="dark" if theme == "dark" else "light",
            reduced_motion="reduce",
            has_touch=width < 768,
        )
        context.set_default_timeout(15_000)
        if self.before:
            context.add_init_script(self.before)
        if signed_in:
            key = self.server.key
            context.add_init_script(
                f"localStorage.getItem('camel-ext.key') ?? localStorage.setItem('camel-ext.key', '{key}')"
            )
        self.contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: self.wrong.append(f"{page.url}: {error}"))
        page.on("console", self._console)
        return page

    def refused(self, status: int) -> None:
        """Expect that the server refused something with that status, and forgive what the console says of it."""
        said = f"the server responded with a status of {status} "
        refusals = [each for each in self.wrong if said in each]
        assert refusals, (status, self.wrong)
        self.wrong = [each for each in self.wrong if each not in refusals]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.wrong.append(f"{message.location.get('url')}: {message.text}")


@pytest.fixture
def page(browser: Browser, web_server: WebServer) -> Iterator[Pages]:
    """`page(theme, width)` opens a page; an error in its console fails the test.

    A test that wants errors (a server killed, an offline reload) clears `page.wrong` at its end.
    """
    pages = Pages(browser, web_server)
    yield pages
    for context in pages.contexts:
        context.close()
    assert pages.wrong == []


@pytest.fixture(scope="module")
def house(
    built_web: Path, tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path
) -> Iterator[LivedIn]:
    """A house that was lived in, for the tests of a module."""
    with lived_in(tmp_path_factory.mktemp("lived"), sqlite_template) as house:
        yield house


@pytest.fixture
def pages(browser: Browser, house: LivedIn) -> Iterator[Pages]:
    """Pages of the house; an error in a console fails the test."""
    pages = Pages(browser, house)
    yield pages
    for context in pages.contexts:
        context.close()
    assert pages.wrong == []


@pytest.fixture
def axe() -> Callable[[Page], None]:
    """`axe(page)` fails on any violation of WCAG 2.2 AA."""

    def check(page: Page) -> None:
        options = {"runOnly": {"type": "tag", "values": RULES}}
        found = Axe().run(page, options=options)
        assert found.violations_count == 0, found.generate_report()

    return check
