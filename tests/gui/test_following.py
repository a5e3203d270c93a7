"""The feed beside the page: text is joined where one came late, a lost connection is said, it ends."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from camel_ext_client import Client, Patience
from camel_ext_gui.following import Follower

from tests.clients.test_client import event, sse
from tests.gui.conftest import wait_for

STREAM = "run/draft/call[0]"


def frame(text: str, offset: int, *, done: bool = False) -> dict[str, Any]:
    return {"type": "frame", "kind": "serving.text", "stream": STREAM, "subject": "run",
            "text": text, "offset": offset, "done": done}  # fmt: skip


class Server:
    """Plays what the feed sends, connection by connection, then holds the last one."""

    def __init__(self, *feeds: httpx.Response | Exception) -> None:
        self.feeds = list(feeds)
        self.snapshots = 0
        self.released = threading.Event()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if "/streams/" in request.url.path:
            self.snapshots += 1
            return httpx.Response(200, json={"text": "Once upon a", "offset": 11})
        if self.feeds:
            answer = self.feeds.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        self.released.wait(10)
        raise httpx.ConnectError("refused")


Follow = Callable[..., tuple[Follower, Server]]


@pytest.fixture
def follow() -> Iterator[Follow]:
    made: list[tuple[Follower, Server, Client]] = []

    def build(*feeds: httpx.Response | Exception) -> tuple[Follower, Server]:
        server = Server(*feeds)
        patience = Patience(tries=1, sleep=lambda _s: time.sleep(0.01))
        client = Client("http://server", patience=patience, transport=httpx.MockTransport(server))
        follower = Follower(client, ["*:run"])
        made.append((follower, server, client))
        return follower, server

    yield build
    for follower, server, client in made:
        follower.stop()
        server.released.set()
        follower.join()
        client.close()


def test_text_grows_and_goes_with_its_turn(follow: Follow) -> None:
    follower, server = follow(
        sse(frame("Once ", 5), frame("upon ", 10)), httpx.ConnectError("refused")
    )
    wait_for(lambda: follower.texts().get(STREAM) == "Once upon ")
    assert server.snapshots == 0
    follower, _ = follow(sse(frame("Once ", 5), frame("", 5, done=True), event("c1")))
    wait_for(follower.news)
    wait_for(lambda: follower.texts() == {})


def test_who_comes_late_reads_what_was_said_before(follow: Follow) -> None:
    follower, server = follow(sse(frame("a", 11)))
    wait_for(lambda: follower.texts().get(STREAM) == "Once upon a")
    assert server.snapshots == 1


def test_a_lost_connection_is_counted_until_it_is_back(follow: Follow) -> None:
    lost = [httpx.ConnectError("refused")] * 3
    follower, server = follow(sse({"type": "hello", "cursor": "c0"}), *lost)
    wait_for(lambda: follower.lost_s() is not None)
    server.feeds.append(sse({"type": "hello", "cursor": "c0"}, event("c1")))
    assert follower.news()


def test_nothing_new_is_no_news(follow: Follow) -> None:
    follower, _ = follow(sse("c1", "c2"))
    assert follower.news(), "the first look always reads"
    wait_for(lambda: follower.lost_s() is not None)
    assert not follower.news()
