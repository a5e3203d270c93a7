"""A server killed between sending and writing: the message comes again under its id, the log has it once."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.web.conftest import WebServer

pytestmark = pytest.mark.slow
BASE = "/api/v1/notifications"


class Slow(ThreadingHTTPServer):
    """Takes each message at once, and answers when it is let."""

    daemon_threads = True

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.came, self.answers = threading.Semaphore(0), threading.Event()
        super().__init__(("127.0.0.1", 0), Taking)


class Taking(BaseHTTPRequestHandler):
    server: Slow

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.server.ids.append(self.headers["webhook-id"])
        self.server.came.release()
        self.server.answers.wait(60)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def slow() -> Iterator[Slow]:
    """A receiver on a free port."""
    server = Slow()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.answers.set()
    server.shutdown()
    server.server_close()


def test_killed_between_sending_and_writing(tmp_path: Path, slow: Slow) -> None:
    allowed = {"CAMEL_EXT_OUTBOUND__ALLOWED_NETWORKS": '["127.0.0.1"]'}
    server = WebServer(tmp_path / "data", allowed)
    server.start()
    try:
        url = f"http://127.0.0.1:{slow.server_port}/hook"
        body = {"name": "hook", "config": {"kind": "webhook", "url": url}}
        channel = ask(server, "POST", "/channels", body)
        sent = ask(server, "POST", f"/channels/{channel['id']}/test")
        assert slow.came.acquire(timeout=30)
        server.kill()
        slow.answers.set()
        server.start()
        assert slow.came.acquire(timeout=60)
        until = time.monotonic() + 30
        while (found := ask(server, "GET", f"/deliveries/{sent['id']}"))["state"] != "succeeded":
            assert time.monotonic() < until, found
            time.sleep(0.1)
        assert slow.ids == [sent["id"]] * 2
        assert found["attempts"] == 2
        assert len(ask(server, "GET", "/deliveries")["items"]) == 1
    finally:
        server.kill()


def ask(server: WebServer, method: str, path: str, body: Any = None) -> Any:
    headers = {"Authorization": f"Bearer {server.key}"}
    answer = httpx.request(method, server.url + BASE + path, json=body, headers=headers, timeout=30)
    assert answer.is_success, answer.text
    return answer.json()
