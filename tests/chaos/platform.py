"""The platform as processes that can be killed: a server, and on PostgreSQL workers beside it.

It starts them (by fork from the zygote, or cold, as a user does), kills them with their whole group,
and waits until they answer. What a trial does with them is `trials`.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.chaos.provider import Provider
from tests.chaos.zygote import Zygote
from tests.fakes.counting_tool_server import CountingServer
from tests.ports import free_port

START_S = 60.0

MODELS = """\
models:
  scripted: {{engine: provider, url: "{url}", model: scripted-1}}
aliases: {{small: scripted}}
"""
AGENTS = """\
agents:
  proposer: {model: small, system: You propose.}
  executor: {model: small, system: You execute., tools: [count_once, count_every], memory: run}
  reviewer: {model: small, system: You review.}
  weigher: {model: small, system: You weigh.}
"""
WORKFLOWS = """\
workflows:
  team:
    inputs: {goal: {type: string}}
    steps:
      - name: rounds
        loop: {max_rounds: 4, until: "steps.review.text.startsWith('yes')"}
        steps:
          - {name: propose, agent: proposer, prompt: "{{ input.goal }}, round {{ round }}"}
          - {name: execute, agent: executor, prompt: "{{ steps.propose.text }}"}
          - {name: check, verify: contains, params: {all: [executed]}}
          - name: review
            agent: reviewer
            prompt: "{{ steps.execute.text }} round {{ round }} of {{ input.goal }}"
      - name: tries
        best_of: {n: 2, score: "double(size(steps.weigh.text))"}
        steps:
          - name: weigh
            agent: weigher
            prompt: "{{ candidate }} {{ steps.rounds.text }}"
    output: {text: steps.rounds.text, best: steps.tries.text, count: steps.rounds.count}
"""


def goal(number: int) -> str:
    """Return one of the goals, which differ in how many rounds they take."""
    return f"goal {number} needs {1 + number % 3}"


@dataclass
class Process:
    """One process of the platform."""

    pid: int
    reap: Callable[[], None]

    def kill(self) -> None:
        """Kill -9, with all it started, and wait until it is gone."""
        for each in (os.killpg, os.kill):
            with suppress(ProcessLookupError, PermissionError):
                each(self.pid, signal.SIGKILL)
        self.reap()


@dataclass
class World:
    """What outlives every trial: zygote, provider, counting server."""

    folder: Path
    zygote: Zygote
    provider: Provider
    counting: CountingServer

    @classmethod
    def open(cls, folder: Path) -> "World":
        return cls(folder, Zygote(), Provider.start(folder), CountingServer.start(folder))

    def close(self) -> None:
        self.zygote.stop()
        self.provider.stop()
        self.counting.stop()


@dataclass
class Platform:
    """A data directory and the processes on it."""

    world: World
    data_dir: Path
    database: str | None = None
    settings: dict[str, str] = field(default_factory=dict)
    server: Process | None = None
    workers: list[Process] = field(default_factory=list)
    port: int = field(init=False, default_factory=free_port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.data_dir / "up.log"

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers=self.headers(), timeout=10)

    def headers(self) -> dict[str, str]:
        key = (self.data_dir / "owner.key").read_text().strip()
        return {"Authorization": f"Bearer {key}"}

    def start_server(self, *, cold: bool = False) -> None:
        self.server = self._start(["up", "--port", str(self.port)], cold=cold)

    def start_worker(self) -> None:
        self.workers.append(self._start(["worker"]))

    def kill_server(self) -> None:
        if self.server is not None:
            self.server.kill()
            self.server = None

    def kill_all(self) -> None:
        self.kill_server()
        while self.workers:
            self.workers.pop().kill()

    def wait_ready(self) -> None:
        """Wait until the server answers."""
        deadline_s = time.monotonic() + START_S
        with httpx.Client(base_url=self.url, timeout=5) as client:
            while True:
                try:
                    if client.get("/health/ready").status_code == 200:
                        return
                except httpx.TransportError:
                    pass
                if time.monotonic() > deadline_s:
                    raise RuntimeError(
                        f"the server does not answer: {self.log.read_text()[-3000:]}"
                    )
                time.sleep(0.005)

    def _start(self, args: list[str], *, cold: bool = False) -> Process:
        env, log = self._environment(), str(self.log)
        if not cold:
            zygote = self.world.zygote
            pid = zygote.start(args, env, log)
            return Process(pid, lambda: zygote.wait(pid))
        with self.log.open("ab") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "camel_ext.cli", *args],
                env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
            )  # fmt: skip
        return Process(process.pid, lambda: _reap(process))

    def _environment(self) -> dict[str, str]:
        ours = {name: value for name, value in os.environ.items() if "CAMEL_EXT" not in name}
        database = {} if self.database is None else {"CAMEL_EXT_DATABASE__URL": self.database}
        return {
            **ours,
            **database,
            "CAMEL_EXT_DATA_DIR": str(self.data_dir),
            "CAMEL_EXT_WORKFLOWS__TOOL_MODULES": '["tests.fakes.counting_tools"]',
            "CAMEL_EXT_OBSERVABILITY__LOG_LEVEL": "warning",
            "COUNTING_TOOL_PORT": str(self.world.counting.port),
            **self.settings,
        }


def _reap(process: "subprocess.Popen[bytes]") -> None:
    process.wait()


def make_template(world: World, folder: Path, database: str | None = None) -> Path:
    """Return a data directory with everything applied, to be copied for each trial."""
    folder.mkdir(parents=True)
    platform = Platform(world, folder, database)
    platform.start_server()
    try:
        platform.wait_ready()
        files = {
            "models.yaml": MODELS.format(url=world.provider.url),
            "agents.yaml": AGENTS,
            "workflows.yaml": WORKFLOWS,
        }
        with platform.client() as client:
            answer = client.put("/api/v1/configurations", json={"name": "main", "files": files})
            assert answer.status_code == 200, answer.text + platform.log.read_text()[-3000:]
    finally:
        platform.kill_all()
    return folder


def copy_of(template: Path, folder: Path) -> Path:
    """Return a fresh data directory like the template."""
    shutil.copytree(template, folder, ignore=shutil.ignore_patterns("lock", "*.log"))
    return folder


Json = dict[str, Any]
