"""Fifty open tabs at rest: what a resting page keeps open and asks again, done by so many clients at once.

Each kind of page is opened once in the browser and left alone for a minute: the address of its live feed and what it asks
are noted. Then clients without a browser do exactly that, and the server's CPU is counted, beside
a span in which nobody is there. A tab that nobody looks at lets go of its feed after a minute: these all are
looked at, which is the worst case.
"""

import asyncio
import random
import time
from dataclasses import dataclass, field

import httpx
from playwright.sync_api import Page
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from bench.method import cpu_s
from tests.web.conftest import WebServer

SETTLE_S = 8.0


@dataclass
class Resting:
    """What one page does while it is left alone: its feed, and each path it asks, when, in seconds."""

    page: str
    feed: str = ""
    asked: list[tuple[float, str]] = field(default_factory=list)
    span_s: float = 0.0
    began: float | None = None

    def heard(self, url: str, kind: str) -> None:
        """Note a request, if it is one of the page at rest."""
        if self.began is not None and kind == "fetch":
            self.asked.append((time.monotonic() - self.began, url))

    def end(self) -> None:
        """Stop noting."""
        assert self.began is not None
        assert self.feed, f"{self.page} follows no feed"
        self.span_s, self.began = time.monotonic() - self.began, None


def note(page: Page, path: str) -> Resting:
    """Open a page and let it come to rest; from `begin` on, note what it does."""
    resting = Resting(path)
    page.on("websocket", lambda socket: setattr(resting, "feed", socket.url))
    page.on("request", lambda request: resting.heard(request.url, request.resource_type))
    page.goto(path)
    page.locator("h1").first.wait_for()
    return resting


async def load(
    server: WebServer, kinds: list[Resting], tabs: int, span_s: float
) -> dict[str, float]:
    """Return the server's CPU as a share of a core: with nobody there, and with so many tabs."""
    assert server.process is not None
    await asyncio.sleep(SETTLE_S)
    alone = await _share(server.process.pid, span_s)
    headers = {"Authorization": f"Bearer {server.key}"}
    messages = [0]
    async with httpx.AsyncClient(headers=headers, trust_env=False, timeout=60) as client:
        open_tabs = [
            asyncio.create_task(_tab(client, server.key, kinds[at % len(kinds)], messages))
            for at in range(tabs)
        ]
        await asyncio.sleep(SETTLE_S)
        assert not any(tab.done() for tab in open_tabs), "a tab was closed by the server"
        messages[0] = 0
        together = await _share(server.process.pid, span_s)
        assert not any(tab.done() for tab in open_tabs), "a tab was closed by the server"
        for tab in open_tabs:
            tab.cancel()
        await asyncio.gather(*open_tabs, return_exceptions=True)
    return {
        "alone_ratio": alone,
        "tabs_ratio": together,
        "messages_per_tab_per_min": messages[0] / tabs / span_s * 60,
        "asked_per_tab_per_min": sum(len(kind.asked) / kind.span_s for kind in kinds)
        / len(kinds)
        * 60,
    }


async def _share(pid: int, span_s: float) -> float:
    before, began = cpu_s(pid), time.monotonic()
    await asyncio.sleep(span_s)
    return (cpu_s(pid) - before) / (time.monotonic() - began)


async def _tab(client: httpx.AsyncClient, key: str, kind: Resting, messages: list[int]) -> None:
    protocols = [Subprotocol("camel-ext"), Subprotocol(f"camel-ext.key.{key}")]
    await asyncio.sleep(random.uniform(0, 3))
    async with (
        connect(  # compression is asked for, as browsers do; they send no pings
            kind.feed, subprotocols=protocols, ping_interval=None
        ) as feed,
        asyncio.TaskGroup() as together,
    ):
        together.create_task(_listen(feed, messages))
        together.create_task(_ask(client, kind))


async def _listen(feed: object, messages: list[int]) -> None:
    async for _ in feed:  # type: ignore[attr-defined]
        messages[0] += 1
    raise ConnectionError("the feed ended")


async def _ask(client: httpx.AsyncClient, kind: Resting) -> None:
    """Ask what the page asked, at its times, again and again; each tab begins somewhere else."""
    began = time.monotonic() - random.uniform(0, kind.span_s)
    while True:
        for at, url in kind.asked:
            if (wait := began + at - time.monotonic()) > 0:
                await asyncio.sleep(wait)
                (await client.get(url)).raise_for_status()
        began += kind.span_s
        await asyncio.sleep(max(0.0, began - time.monotonic()))
