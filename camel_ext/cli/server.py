"""`up`, `api`, `worker` and `scheduler`: the processes of the platform, from their first line to a graceful end.

The port is taken before anything is opened, so a second server says so at once; streams are ended
before connections are waited for, so a stop never hangs on a client. What a process is made of is
the app's.
"""

import asyncio
import errno
import gc
import logging
import math
import signal
import socket
import webbrowser
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from camel_ext import __version__
from camel_ext.cli.browsing import opens_a_browser, sign_in_link
from camel_ext.cli.command import ADDRESS, LOOPBACK, OWNER_KEY, Here
from camel_ext.cli.exits import Exit, Stop
from camel_ext.core.errors import CamelExtError
from camel_ext.observability.logs import configure_logs
from camel_ext.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI

SIGNALS = (signal.SIGINT, signal.SIGTERM)
Process = Callable[[Settings, asyncio.Event, asyncio.Event], Awaitable[None]]


def serve(
    here: Here,
    host: str | None,
    port: int | None,
    engine_threads: int | None,
    *,
    open_browser: bool | None,
) -> None:
    """Run the server until it is told to stop."""
    given: dict[str, object] = {} if engine_threads is None else {"engine_threads": engine_threads}
    _serve(here, host, port, given, open_browser=open_browser, alone=True)


def serve_api(here: Here, host: str | None, port: int | None, *, local_model: bool) -> None:
    """Run one of several servers, without worker and scheduler, until it is told to stop."""
    _serve(here, host, port, {"local_model": local_model}, open_browser=False, alone=False)


def _serve(
    here: Here,
    host: str | None,
    port: int | None,
    serving: dict[str, object],
    *,
    open_browser: bool | None,
    alone: bool,
) -> None:
    gc.disable()  # what a start makes stays: to search it for garbage is a fifth of its CPU
    settings = _placed(here.settings(), host, port)
    told = settings.serving.model_copy(update=serving)
    settings = settings.model_copy(update={"serving": told})
    _configure_logs(settings)
    command = "up" if alone else "api"
    with _taken(settings.server.host, settings.server.port, command) as sock:
        taken = sock.getsockname()[1]
        settings = _placed(settings, None, taken)
        from camel_ext.app import create_app  # half a second: a port in use is said before

        app = create_app(settings, alone=alone)
        server = Server(here, settings, sock, app, open_browser=open_browser)
        asyncio.run(server.work())


def _placed(settings: Settings, host: str | None, port: int | None) -> Settings:
    wanted = {"host": host, "port": port}
    given = {name: value for name, value in wanted.items() if value is not None}
    placed = settings.server.model_copy(update=given)
    return settings.model_copy(update={"server": placed})


def _configure_logs(settings: Settings) -> None:
    configure_logs(settings.observability.log_level, settings.observability.log_format)
    for chatty in ("uvicorn.error", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


@contextmanager
def _taken(host: str, port: int, command: str) -> Iterator[socket.socket]:
    """Take the port, for a command that could take another one.

    Raises: Stop where it is in use or may not be taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, port))
            sock.listen(1024)
        except OSError as error:
            raise _not_taken(host, port, command, error) from error
        yield sock


def _not_taken(host: str, port: int, command: str, error: OSError) -> Stop:
    if error.errno == errno.EADDRINUSE:
        return Stop(
            Exit.CONFLICT,
            f"Port {port} of {host} is in use: perhaps a camel-ext runs already.",
            f"Take another one (camel-ext {command} --port {port + 1}), or stop what uses it.",
        )
    if error.errno == errno.EACCES:
        return Stop(Exit.REFUSED, f"You may not listen on port {port}.", "Take one above 1023.")
    return Stop(
        Exit.USAGE,
        f"{host} is not an address of this machine ({error.strerror or error}).",
        "Leave --host out to listen on this machine only.",
    )


class Server(uvicorn.Server):
    """uvicorn, with our own start, greeting and stop."""

    def __init__(
        self,
        here: Here,
        settings: Settings,
        sock: socket.socket,
        app: "FastAPI",
        *,
        open_browser: bool | None,
    ) -> None:
        knobs = settings.server
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="off",  # ours is entered around the server, so that its errors reach us
                access_log=False,
                log_config=None,
                server_header=False,
                ws="camel_ext.events.sockets:FramedSockets",
                timeout_keep_alive=knobs.keep_alive_s,
                timeout_graceful_shutdown=math.ceil(knobs.graceful_stop_s),
            )
        )
        self._here, self._settings, self._sock, self._app = here, settings, sock, app
        self._opens_browser = opens_a_browser(here, open_browser)
        self._address = settings.data_dir.expanduser() / ADDRESS
        host = knobs.host
        name = "127.0.0.1" if host in ("0.0.0.0", "::", "") else host  # noqa: S104
        self.url = f"http://{f'[{name}]' if ':' in name else name}:{knobs.port}"

    async def work(self) -> None:
        """Open the platform, serve, and close it."""
        loop = asyncio.get_running_loop()
        opening = asyncio.current_task()
        assert opening is not None
        for number in SIGNALS:
            loop.add_signal_handler(number, self._told, number, opening)
        with suppress(asyncio.CancelledError):  # told to stop while it was opening
            async with self._app.router.lifespan_context(self._app):
                try:
                    await self._serve([self._sock])
                finally:
                    self._leave_address()
                    self._here.note("stopping ...")

    def _leave_address(self) -> None:
        """Unlink our address, unless another server of this folder wrote its own since."""
        with suppress(OSError):
            if self._address.read_text().strip() == self.url:
                self._address.unlink()

    def _told(self, number: signal.Signals, opening: "asyncio.Task[None]") -> None:
        if not self.started and not self.should_exit:
            self.should_exit = True
            opening.cancel()
            return
        self.handle_exit(number, None)  # the second Ctrl-C does not wait any more

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.freeze()  # modules and routes are not searched again, ever
        gc.enable()
        if self.started:
            self._address.write_text(self.url + "\n")
            greet(self._here, self._settings, self.url, await self._web())

    async def _web(self) -> str:
        """Say where the web app is: opened in a browser, or as a link for a person's eyes."""
        on_terminal = self._here.out.is_terminal and not self._here.as_json
        if not self._opens_browser and not on_terminal:
            return f"[id]{self.url}[/]"
        link = await self._sign_in_link()
        again = "[quiet]sign in again:[/] camel-ext open"
        if link is None:
            return f"[id]{self.url}[/]   [quiet]sign in with a key[/]"
        if not self._opens_browser:
            return f"[id]{link}[/]   [quiet]once, for 5 minutes;[/] {again}"
        threads = self._app.state.runtime.threads
        opened = await threads.run("work", webbrowser.open, link)
        words = "it opens in your browser;" if opened else "no browser opens here;"
        return f"[id]{self.url}[/]   [quiet]{words}[/] {again}"

    async def _sign_in_link(self) -> str | None:
        """Return a link that signs in as the owner; None where the key in the folder is refused."""
        from camel_ext.identity import make_code, prove

        runtime = self._app.state.runtime
        with suppress(CamelExtError, OSError):
            key = (self._settings.data_dir.expanduser() / OWNER_KEY).read_text().strip()
            owner = await runtime.read_system("a link to sign in", prove, runtime.clock, key)
            made = await runtime.write(owner.tenant, make_code, runtime.clock, owner)
            return sign_in_link(self.url, made.code)
        return None

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        from camel_ext.events import end_streams

        await end_streams(self._app.state.runtime)
        await super().shutdown(sockets)


def greet(here: Here, settings: Settings, url: str, web: str) -> None:
    """Say where the server is and how to come in."""
    data_dir = settings.data_dir.expanduser().absolute()
    if here.as_json:
        from camel_ext.cli.output import write_json

        shown = {
            "url": url,
            "docs": f"{url}/docs",
            "key_file": str(data_dir / OWNER_KEY),
            "data_dir": str(data_dir),
            "version": __version__,
        }
        write_json(shown, line=True)
        return
    out = here.out
    out.print(f"\n  [bold]CAMEL Extensions[/] {__version__}  [ok]ready[/]\n")
    for label, value in _facts(settings, data_dir, url, web).items():
        out.print(f"  [quiet]{label:9}[/]{value}", soft_wrap=True)
    out.print("\n  [quiet]Ctrl-C stops it; runs go on when it starts again.[/]\n")
    _warn_of_exposure(here, settings)


def _facts(settings: Settings, data_dir: Path, url: str, web: str) -> dict[str, str]:
    from camel_ext.serving import find_bundled

    facts = {
        "Web": web,
        "API": f"[id]{url}/docs[/]   [quiet]every route, to try[/]",
        "Key": f"{_home(data_dir / OWNER_KEY)}   [quiet]commands on this machine find it[/]",
        "Data": _home(data_dir),
        "Model": "the bundled one is here",
    }
    if settings.serving.engine_url is not None:
        facts["Model"] = f"local ones are at the engine, {settings.serving.engine_url}"
        return facts
    try:
        find_bundled(data_dir)
    except CamelExtError:
        facts["Model"] = "[warn]the bundled one is not here yet[/]   [quiet]fetch it:[/] "
        facts["Model"] += "camel-ext models pull"
    return facts


def _home(path: Path) -> str:
    with suppress(ValueError):
        return f"~/{path.relative_to(Path.home())}"
    return str(path)


def _warn_of_exposure(here: Here, settings: Settings) -> None:
    host = settings.server.host
    if host in LOOPBACK:
        return
    here.err.print(
        f"[warn]It listens on {host}: others on your network reach it.[/] Without TLS, keys travel in "
        "the clear: put a proxy with TLS before it. Names besides localhost are refused until "
        "CAMEL_EXT_SERVER__ALLOWED_HOSTS lists them."
    )


def work(here: Here, queues: str | None, metrics_port: int | None) -> None:
    """Run a worker until it is told to stop, or is drained."""
    from camel_ext.worker import run_worker

    settings = _watched(here.settings(), metrics_port)
    if queues is not None:
        names = [name.strip() for name in queues.split(",") if name.strip()]
        queue = settings.queue.model_copy(update={"queues": names})
        settings = settings.model_copy(update={"queue": queue})
    ready = "the worker is ready; Ctrl-C stops it, its jobs go back to the others"
    _run_process(here, settings, run_worker, ready)


def fire_schedules(here: Here, metrics_port: int | None) -> None:
    """Run a scheduler until it is told to stop."""
    from camel_ext.scheduler import run_scheduler

    ready = "the scheduler is ready; Ctrl-C stops it, another one leads then"
    _run_process(here, _watched(here.settings(), metrics_port), run_scheduler, ready)


def _watched(settings: Settings, port: int | None) -> Settings:
    if port is None:
        return settings
    knobs = settings.observability.model_copy(update={"metrics_port": port})
    return settings.model_copy(update={"observability": knobs})


def serve_engine(here: Here, host: str | None, port: int) -> None:
    """Serve this machine's model to the platform's other processes until it is told to stop."""
    from camel_ext.engine import ENGINE_KEY, create_engine, engine_key

    settings = here.settings()
    _configure_logs(settings)
    place = host or "127.0.0.1"
    key = engine_key(settings)
    with _taken(place, port, "engine") as sock:
        config = uvicorn.Config(
            create_engine(settings, key),
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_keep_alive=settings.server.keep_alive_s,
            timeout_graceful_shutdown=math.ceil(settings.server.graceful_stop_s),
        )
        url = f"http://{place}:{sock.getsockname()[1]}"
        where = settings.serving.engine_key_file or settings.data_dir / ENGINE_KEY
        here.note(f"the engine is at {url}; others reach it with serving.engine_url and the key")
        if settings.serving.engine_key is None:
            here.note(f"the key is in {where}")
        asyncio.run(uvicorn.Server(config).serve([sock]))


def _run_process(here: Here, settings: Settings, run: Process, words: str) -> None:
    _configure_logs(settings)
    asyncio.run(_until_stopped(here, settings, run, words))


async def _until_stopped(here: Here, settings: Settings, run: Process, words: str) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, stop.set)
    ready = asyncio.Event()

    async def greet_when_ready() -> None:
        await ready.wait()
        here.note(words)

    greeting = asyncio.create_task(greet_when_ready())
    try:
        await run(settings, stop, ready)
    finally:
        greeting.cancel()
