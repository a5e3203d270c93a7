"""`doctor`: is everything here that the platform needs? Each check really tries, and names the cure.

A check answers ok, warn (something will not work until you do this) or fail (it cannot run at all).
It changes nothing: no data directory is made, no database migrated.
"""

import asyncio
import platform
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from random import SystemRandom
from typing import Literal

import typer
from camel_ext_client import ClientError
from sqlalchemy.exc import SQLAlchemyError

from camel_ext import __version__
from camel_ext.cli.command import Here
from camel_ext.cli.exits import Exit, explain
from camel_ext.cli.output import plain, size
from camel_ext.core.clock import SystemClock
from camel_ext.core.database import Database
from camel_ext.core.datadir import DataDir, DataDirLocked
from camel_ext.core.errors import CamelExtError
from camel_ext.core.migrate import SchemaOlder, current_revision, require_current
from camel_ext.core.threads import ThreadLanes
from camel_ext.settings import Settings

SLOW_TOKENS_PER_S = 5  # on contended cores several threads spin: 3-5 where one gives 38-57
LOW_BYTES, TOO_LOW_BYTES = 2 * 10**9, 3 * 10**8
MARKS = {"ok": "[ok]✓[/]", "warn": "[warn]●[/]", "fail": "[bad]✗[/]"}


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found; `cure` is what to do, empty where all is well."""

    check: str
    state: Literal["ok", "warn", "fail"]
    detail: str
    cure: str = ""


def doctor(here: Here) -> None:
    """Run every check, show each as it ends, and exit with 1 where one failed."""
    settings = here.settings()
    found = []
    with _spinning(here) as told:
        for check, name in _checks(here, settings):
            told(name)
            finding = check()
            found.append(finding)
            if not here.as_json:
                _show(here, finding)
    worst: set[str] = {finding.state for finding in found}
    if here.as_json:
        here.answer({"version": __version__, "checks": [asdict(finding) for finding in found]})
    else:
        _show_summary(here, worst)
    if "fail" in worst:
        raise typer.Exit(Exit.FAILED)


def _checks(here: Here, settings: Settings) -> Iterator[tuple[Callable[[], Finding], str]]:
    data_dir = settings.data_dir.expanduser().absolute()
    yield _python, "Python"
    yield lambda: _data_dir(data_dir), "data directory"
    yield lambda: _disk(data_dir), "disk"
    yield lambda: _server(here, data_dir, settings), "server"
    yield lambda: _schema(data_dir, settings), "database"
    yield lambda: _model(data_dir), "model"
    yield lambda: asyncio.run(_engine(data_dir, settings)), "engine"
    yield lambda: asyncio.run(_sandbox(data_dir)), "sandbox"


@contextmanager
def _spinning(here: Here) -> Iterator[Callable[[str], None]]:
    if here.as_json or not here.err.is_terminal:
        yield lambda _name: None
        return
    with here.err.status("") as status:
        yield lambda name: status.update(f"[quiet]{name} ...[/]")


def _show(here: Here, finding: Finding) -> None:
    detail = plain(finding.detail)
    here.out.print(f"  {MARKS[finding.state]} {finding.check:15} {detail}", soft_wrap=True)
    if finding.cure:
        here.out.print(f"      [quiet]→[/] {plain(finding.cure)}", soft_wrap=True)


def _show_summary(here: Here, worst: set[str]) -> None:
    words = "[ok]All is well.[/]"
    if "fail" in worst:
        words = "[bad]It cannot run like this[/]: see the lines with ✗."
    elif "warn" in worst:
        words = "[warn]It runs, with limits[/]: see the lines with ●."
    here.out.print(f"\n{words}")


def _python() -> Finding:
    detail = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    if sys.platform != "linux":
        cure = "Tools that run code need Linux (on Windows: WSL 2); all else works."
        return Finding("Python", "warn", detail, cure)
    return Finding("Python", "ok", detail)


def _data_dir(data_dir: Path) -> Finding:
    if not data_dir.exists():
        parent = next(each for each in data_dir.parents if each.exists())
        try:
            with tempfile.TemporaryDirectory(dir=parent):
                pass
        except OSError as error:
            return _unwritable(data_dir, error)
        return Finding("data directory", "ok", f"{data_dir} (camel-ext up makes it)")
    try:
        with tempfile.NamedTemporaryFile(dir=data_dir):
            pass
    except OSError as error:
        return _unwritable(data_dir, error)
    mode = data_dir.stat().st_mode & 0o077
    if mode:
        cure = f"chmod 700 {data_dir}"
        return Finding("data directory", "warn", f"{data_dir} can be read by others", cure)
    return Finding("data directory", "ok", f"{data_dir}")


def _unwritable(data_dir: Path, error: OSError) -> Finding:
    cure = "Set CAMEL_EXT_DATA_DIR to a folder that can be written, or mend its permissions."
    return Finding("data directory", "fail", f"{data_dir}: {error.strerror}", cure)


def _disk(data_dir: Path) -> Finding:
    there = next(each for each in (data_dir, *data_dir.parents) if each.exists())
    free = shutil.disk_usage(there).free
    detail = f"{size(free)} free"
    if free < TOO_LOW_BYTES:
        return Finding("disk", "fail", detail, "Free some space: every turn is written to disk.")
    if free < LOW_BYTES:
        return Finding("disk", "warn", detail, "Free some space before it is used up.")
    return Finding("disk", "ok", detail)


def _server(here: Here, data_dir: Path, settings: Settings) -> Finding:
    """Say whether a server runs here; if not, whether one could."""
    holder = _lock_holder(data_dir)
    if holder is None:
        return _port(settings)
    try:
        with here.connect(timeout_s=5) as client:
            health = client.health()
            who = client.me()
    except ClientError as error:
        cure = "Wait a moment if it is just starting; else stop it and start it again."
        return Finding("server", "fail", f"{holder} holds the data directory, but: {error}", cure)
    detail = f"{client.url} answers ({health['version']}, you are {who['name']}, {who['role']})"
    return Finding("server", "ok", detail)


def _lock_holder(data_dir: Path) -> str | None:
    if not (data_dir / "lock").exists():
        return None
    try:
        there = DataDir(data_dir)
        there.lock("camel-ext doctor")
        there.unlock()
    except DataDirLocked:
        with suppress(OSError):
            return (data_dir / "lock").read_text().strip()
        return "another process"
    except CamelExtError:
        return None  # the data directory's own check says so
    return None


def _port(settings: Settings) -> Finding:
    host, port = settings.server.host, settings.server.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_STREAM)) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, port))
        except OSError as error:
            cure = "Stop what uses it, or start with camel-ext up --port 0."
            return Finding("server", "warn", f"port {port} of {host}: {error.strerror}", cure)
    return Finding("server", "ok", f"not running; port {port} of {host} is free")


def _schema(data_dir: Path, settings: Settings) -> Finding:
    url = settings.database_url
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        if not path.exists():
            return Finding("database", "ok", "none yet (camel-ext up makes it)")
        if _lock_holder(data_dir) is not None:
            return Finding("database", "ok", f"{path.name}, {size(path.stat().st_size)}, in use")
    database = None
    try:
        database = Database(url)
        require_current(database)
        name = "SQLite" if database.is_sqlite else "PostgreSQL"
        return Finding("database", "ok", f"{name}, revision {current_revision(database)}")
    except SchemaOlder as error:
        found, _, cure = error.detail.partition(": ")
        return Finding("database", "warn", found, f"{cure[:1].upper()}{cure[1:]}.")
    except ImportError as error:
        cure = "pip install 'camel-extensions[postgres]'"
        return Finding("database", "fail", str(error), cure)
    except (CamelExtError, SQLAlchemyError) as error:
        said = explain(error)
        if said is None:
            raise
        return Finding("database", "fail", said.message, said.advice)
    finally:
        if database is not None:
            database.close()


def _model(data_dir: Path) -> Finding:
    from camel_ext.serving import BUNDLED, bundled_path, verify_bundled

    path = bundled_path(data_dir)
    if not path.exists():
        detail = "the bundled one is not here: agents need it, or a provider in models.yaml"
        cure = f"camel-ext models pull   ({size(BUNDLED.size_bytes)})"
        return Finding("model", "warn", detail, cure)
    try:
        verify_bundled(data_dir)
    except CamelExtError as error:
        return Finding("model", "fail", error.detail.split(";")[0], "camel-ext models pull")
    return Finding("model", "ok", f"{path.name}, {size(BUNDLED.size_bytes)}, sha256 is right")


async def _engine(data_dir: Path, settings: Settings) -> Finding:
    """Start the model's process and ask it for a few words."""
    from camel_ext.serving import ChatRequest, LocalEngine, LocalOptions, bundled_path

    path = bundled_path(data_dir)
    if not path.exists():
        return Finding(
            "engine", "warn", "not tried: there is no model yet", "camel-ext models pull"
        )
    clock, threads = SystemClock(), ThreadLanes()
    with tempfile.TemporaryDirectory(prefix="camel-ext-doctor-") as folder:
        options = LocalOptions(
            model_path=path, log_path=Path(folder) / "engine.log", slots=1, context_tokens=512,
            threads=settings.serving.engine_threads,
        )  # fmt: skip
        engine = LocalEngine("doctor", options, clock=clock, rng=SystemRandom(), threads=threads)
        try:
            began_s = clock.monotonic_s()
            await engine.start()
            started_s = clock.monotonic_s() - began_s
            words = [{"role": "user", "content": "Say hello."}]
            request = ChatRequest(messages=words, model="doctor", params={"max_tokens": 24})
            reply = await engine.chat(request, timeout_s=60)
            per_s = reply.completion_tokens / max(0.001, clock.monotonic_s() - began_s - started_s)
        except CamelExtError as error:
            cure = "pip install 'camel-extensions[local]'; its log is in the data directory's logs."
            return Finding("engine", "fail", error.detail, cure)
        finally:
            await engine.close()
            threads.close()
    detail = f"started in {started_s:.1f} s, answers {per_s:.0f} tokens/s"
    if per_s < SLOW_TOKENS_PER_S:
        cure = "Where other programs use the cores: CAMEL_EXT_SERVING__ENGINE_THREADS=1."
        return Finding("engine", "warn", f"{detail}, which is slow", cure)
    return Finding("engine", "ok", detail)


async def _sandbox(data_dir: Path) -> Finding:
    from camel_ext.workflows import Sandbox

    sandbox = Sandbox(hidden=[data_dir])
    try:
        found = await sandbox.available()
    finally:
        sandbox.close()
    if found.ok:
        return Finding("sandbox", "ok", f"code runs without network behind {found.reason}")
    what, _, rest = found.reason.partition(". ")
    cure = "Install bubblewrap 0.7 or newer (apt install bubblewrap) and allow user namespaces."
    return Finding("sandbox", "warn", f"{what}. {rest.split('. ')[0]}.", cure)
