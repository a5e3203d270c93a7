"""The whole app on a loopback socket, in a thread of this process, for clients that need one."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

import uvicorn

from camel_ext.app import Parts, create_app
from camel_ext.core.runtime import Runtime
from camel_ext.settings import Settings


@dataclass(frozen=True)
class Live:
    """Where it listens, the owner's key, and its runtime (its loop is another thread's)."""

    url: str
    key: str
    runtime: Runtime


@contextmanager
def live_app(settings: Settings, prepare: Callable[[Runtime], None]) -> Iterator[Live]:
    """Serve the app until the block ends; `prepare` gets the runtime before the first request."""
    app = create_app(settings, Parts(rng=Random(7)))
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    config = uvicorn.Config(
        app,
        log_level="warning",
        timeout_keep_alive=settings.server.keep_alive_s,
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + 30
        while not server.started:
            assert thread.is_alive(), "the server died while it started"
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.01)
        prepare(app.state.runtime)
        key = (settings.data_dir / "owner.key").read_text().strip()
        yield Live(f"http://127.0.0.1:{port}", key, app.state.runtime)
    finally:
        server.should_exit = True
        thread.join(20)
        listening.close()
