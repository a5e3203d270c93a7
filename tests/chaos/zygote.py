"""Starts the platform's processes by fork from one that has imported everything already.

An import takes 2-4 s of CPU, which would be most of a trial; what is forked is the very program
`camel-ext`, in a session of its own, with its own environment; where that names modules in `TEST_TASKS`,
with their tasks. Orders come as JSON lines:
{"args": [...], "env": {...}, "log": FILE} -> {"pid": N}; {"wait": N} -> {"ended": N}.
"""

import contextlib
import gc
import importlib
import json
import os
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

from camel_ext import rooms

LAZY = (
    "camel_ext.app", "camel_ext.worker", "camel_ext.cli.server", "camel_ext.events.sockets",
    "camel_ext.core.migrate", "camel_ext.serving.engines.provider", "uvicorn.protocols.http.auto",
    "uvicorn.loops.auto", "uvicorn.lifespan.off", "uvicorn.logging", "jsonschema", "alembic.config",
    "alembic.script", "alembic.runtime.migration", "sqlalchemy.dialects.sqlite.pysqlite",
    "sqlalchemy.dialects.postgresql.psycopg", "tests.fakes.counting_tools", "h11",
    "camel_ext.brokers.celery_app", "camel_ext.brokers.consumer", "kombu.transport.pyamqp",
    "tests.brokers.effects",
)  # fmt: skip


class Zygote:
    """The other end: asks for processes and waits for their end. `code`: another checkout's."""

    def __init__(self, code: Path | None = None) -> None:
        paths = [] if code is None else [str(code), str(code / "clients" / "python")]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.zygote"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=code,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)} if paths else None,
        )
        assert self._read()["ready"]

    def start(self, args: list[str], env: dict[str, str], log: str) -> int:
        """Start `camel-ext ARGS` and return its process id."""
        return int(self._ask({"args": args, "env": env, "log": log})["pid"])

    def wait(self, pid: int) -> None:
        """Wait until a process has ended."""
        self._ask({"wait": pid})

    def stop(self) -> None:
        self._process.stdin.close()  # type: ignore[union-attr]
        self._process.stdout.close()  # type: ignore[union-attr]
        self._process.wait()

    def _ask(self, order: dict[str, Any]) -> dict[str, Any]:
        stdin = self._process.stdin
        assert stdin is not None
        stdin.write(json.dumps(order) + "\n")
        stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        stdout = self._process.stdout
        assert stdout is not None
        said: dict[str, Any] = json.loads(stdout.readline())
        return said


def preload() -> None:
    """Import all that a server or worker would, camel included; open nothing."""
    rooms.import_models()
    rooms.import_events()
    rooms.import_tasks()
    rooms.routers()
    for name in LAZY:
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module(name)
    importlib.import_module("camel_ext.workflows.agents").warm()


def become(order: dict[str, Any]) -> None:
    """Be `camel-ext`, in a session of its own."""
    os.setsid()
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, null), (1, log), (2, log)):
        os.dup2(source, target)
    os.environ.clear()
    os.environ.update(order["env"])
    sys.argv = ["camel-ext", *order["args"]]
    for name in order["env"].get("TEST_TASKS", "").split():
        importlib.import_module(name)
    from camel_ext.cli import main

    code = 1
    try:
        main()
        code = 0
    except SystemExit as ended:
        code = int(ended.code or 0)
    except BaseException:
        traceback.print_exc()
    os._exit(code)


def serve() -> None:
    preload()
    gc.collect()
    gc.freeze()  # shared pages stay shared
    _say({"ready": True})
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            os.waitpid(order["wait"], 0)
            _say({"ended": order["wait"]})
        elif (pid := os.fork()) == 0:
            become(order)
        else:
            _say({"pid": pid})


def _say(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    serve()
