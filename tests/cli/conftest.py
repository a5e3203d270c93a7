"""A real server on a loopback port in a thread, with a scripted engine; and the CLI as a function."""

import asyncio
import json
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest
import uvicorn
from typer.testing import CliRunner, Result

from camel_ext.app import Parts, create_app
from camel_ext.cli.program import program
from camel_ext.core.runtime import Runtime
from camel_ext.serving import ChatRequest, serving_of
from camel_ext.settings import Settings
from camel_ext.workflows.agents import warm
from tests.fakes.engine import Answer, FakeEngine

FILES = {
    "models.yaml": """
# a comment that must come back
models:
  tiny: {engine: local, file: bundled, context_tokens: 2048}
aliases:
  small: tiny
""",
    "agents.yaml": """
agents:
  writer: {model: small, system: You write., description: Writes a line.}
""",
    "workflows.yaml": """
workflows:
  write:
    description: Write a line, and check it.
    inputs:
      goal: {type: string, description: What to write.}
      least: {type: integer, default: 1}
    steps:
      - {name: draft, agent: writer, prompt: "Write: {{ input.goal }}"}
      - {name: check, verify: length, params: {unit: words, min: "{{ input.least }}"}}
    output: steps.draft.text
  twice:
    description: Write two lines.
    inputs:
      goal: {type: string}
    steps:
      - {name: first, agent: writer, prompt: "First: {{ input.goal }}"}
      - {name: second, agent: writer, prompt: "Second: {{ input.goal }}"}
    output: {first: steps.first.text, second: steps.second.text}
""",
}


@dataclass
class Served:
    """The running server."""

    url: str
    data_dir: Path
    engine: FakeEngine
    files: Path
    answers: dict[str, Answer] = field(default_factory=dict)
    runtime: Runtime | None = None

    def answer(self, request: ChatRequest) -> Answer:
        """The answer scripted for a word of the prompt, else a line of three words."""
        prompt = str(request.messages[-1]["content"])
        for word, answer in self.answers.items():
            if word in prompt:
                return answer
        return "three fine words"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Served]:
    """One server for a module's tests, with the files of this module applied."""
    folder = tmp_path_factory.mktemp("served")
    data_dir, files = folder / "data", folder / "files"
    data_dir.mkdir(mode=0o700)
    files.mkdir()
    for name, text in FILES.items():
        (files / name).write_text(text)
    shutil.copy(sqlite_template, data_dir / "camel-ext.db")
    warm()  # camel, once, and not in a test's second
    sock = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    found = Served(url, data_dir, FakeEngine(), files)
    found.engine.answer = found.answer
    ready, stop = threading.Event(), threading.Event()
    thread = threading.Thread(target=_serve, args=(found, sock, ready, stop), daemon=True)
    thread.start()
    assert ready.wait(20), "the server did not start"
    (data_dir / "server.url").write_text(url)
    camel = command_on(data_dir)
    assert camel("apply", "-f", str(files)).exit_code == 0
    yield found
    stop.set()
    thread.join(20)


def _serve(
    found: Served, sock: socket.socket, ready: threading.Event, stop: threading.Event
) -> None:
    settings = Settings(data_dir=found.data_dir)
    app = create_app(settings, Parts(rng=Random(7)))
    config = uvicorn.Config(app, lifespan="off", log_config=None, access_log=False, ws="none")
    server = uvicorn.Server(config)

    async def work() -> None:
        async with app.router.lifespan_context(app):
            found.runtime = app.state.runtime
            serving_of(app.state.runtime).use(found.engine)
            serving = asyncio.create_task(server.serve([sock]))
            ready.set()
            await asyncio.to_thread(stop.wait)
            from camel_ext.events import end_streams

            await end_streams(app.state.runtime)
            server.should_exit = True
            await serving

    asyncio.run(work())


Camel = Callable[..., Result]


def command_on(data_dir: Path) -> Camel:
    """Return a function that runs `camel-ext` on that data directory."""

    def run(*arguments: str, stdin: str | None = None) -> Result:
        # camel-ext runs --data-dir: the option goes to the command, which is all but options' values
        return CliRunner().invoke(
            program, [*arguments, "--data-dir", str(data_dir)], input=stdin, prog_name="camel-ext"
        )

    return run


@pytest.fixture
def camel(served: Served) -> Camel:
    """`camel-ext`, talking to the served platform."""
    served.answers.clear()
    return command_on(served.data_dir)


def shown(result: Result) -> Any:
    """Return the JSON that a command answered."""
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def error(result: Result) -> dict[str, Any]:
    """Return the error that a command with --json ended in."""
    found: dict[str, Any] = json.loads(result.stderr.strip().splitlines()[-1])["error"]
    assert found["exit_code"] == result.exit_code
    return found
