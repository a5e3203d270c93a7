"""Tool turns as the engine makes them: `python` and `shell`, and tools whose effects are counted."""

import asyncio
import re
import struct
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from camel_ext.core.clock import SystemClock
from camel_ext.core.threads import ThreadLanes
from camel_ext.workflows.tools import (
    Limits,
    Sandbox,
    Scratch,
    Tool,
    ToolContext,
    ToolTurn,
    code_tools,
    effect_key,
    execute,
    load,
    seccomp,
    tool,
)
from camel_ext.workflows.tools.errors import SandboxMissing
from tests.fakes.counting_tool_server import CountingServer

Execute = Callable[..., "asyncio.Future[ToolTurn]"]


class Turns:
    """Make one turn after the other, each from the state of the one before."""

    def __init__(self, tools: list[Tool], folder: Path, threads: ThreadLanes) -> None:
        self.tools = {one.name: one for one in tools}
        self.scratch = Scratch(folder / "scratch")
        self.state: str | None = None
        self._threads, self._made = threads, 0

    async def make(self, name: str, timeout_s: float = 10, **arguments: object) -> str:
        self._made += 1
        turn = await execute(
            self.tools[name],
            arguments,
            step_key=f"tool[{self._made}]",
            effect_key=effect_key("run", f"tool[{self._made}]"),
            scratch=self.scratch,
            parent_state=self.state,
            timeout_s=timeout_s,
            clock=SystemClock(),
            threads=self._threads,
        )
        self.state = turn.scratch_state
        return turn.text


@pytest.fixture
async def turns(sandbox: Sandbox, tmp_path: Path, threads: ThreadLanes) -> AsyncIterator[Turns]:
    made = Turns(code_tools(sandbox), tmp_path, threads)
    yield made
    work = made.scratch.root / "work"
    assert not list(work.iterdir()), "no call leaves its folder behind"


async def test_python_answers_with_output_and_exit_code(turns: Turns) -> None:
    assert await turns.make("python", code="print('猫', 6 * 7)") == "猫 42\n[exit code 0]"
    assert await turns.make("python", code="6 * 7") == "(nothing was printed)\n[exit code 0]"


async def test_a_failing_program_shows_its_line(turns: Turns) -> None:
    said = await turns.make("python", code="x = 1\nx / 0")
    assert said.endswith("ZeroDivisionError: division by zero\n[exit code 1]")
    assert 'File "/run/main.py", line 2' in said
    assert "x / 0" in said


async def test_files_stay_from_call_to_call_and_modules_can_be_imported(turns: Turns) -> None:
    await turns.make("shell", command="mkdir data; echo 'VALUE = 7' > mine.py; echo hi > data/x")
    said = await turns.make("python", code="import mine; print(mine.VALUE, open('data/x').read())")
    assert said == "7 hi\n[exit code 0]"


async def test_the_same_turn_twice_gives_the_same(turns: Turns) -> None:
    await turns.make("shell", command="echo one >> log")
    before = turns.state
    texts = set()
    for _ in range(2):
        turns.state = before
        texts.add((await turns.make("shell", command="echo two >> log; cat log"), turns.state))
    assert len(texts) == 1


async def test_the_packages_of_the_platform_are_not_there(turns: Turns) -> None:
    said = await turns.make("python", code="import pydantic")
    assert "ModuleNotFoundError" in said


async def test_limits_are_told_in_words(turns: Turns) -> None:
    said = await turns.make("shell", timeout_s=0.2, command="echo begun; sleep 60")
    assert said == "begun\n[stopped: it ran longer than 0.2 s]"
    said = await turns.make("shell", command="kill -SEGV $$")
    assert said.endswith("[exit code 139: killed by SIGSEGV]")


async def test_a_full_folder_keeps_the_state_before(
    sandbox: Sandbox, tmp_path: Path, threads: ThreadLanes
) -> None:
    turns = Turns(code_tools(sandbox), tmp_path, threads)
    turns.scratch = Scratch(tmp_path / "small", Limits(scratch_entries=5))
    await turns.make("shell", command="echo 1 > a")
    before = turns.state
    said = await turns.make("shell", command="touch 1 2 3 4 5 6; echo done")
    assert "done\n[exit code 0]" in said
    assert "was dropped" in said
    assert turns.state == before


@pytest.mark.parametrize("code", ["", None, 7, "x" * 200_001])
async def test_wrong_code_arguments_are_told(turns: Turns, code: object) -> None:
    assert (await turns.make("python", code=code)).startswith("Error: python was not called.")


async def test_code_that_is_no_text_is_no_crash(turns: Turns) -> None:
    assert "exit code 1" in await turns.make("python", code="print(1)\0")
    assert "exit code" in await turns.make("python", code="print('\ud800')")
    assert "exit code" in await turns.make("shell", command="echo \0 \ud800")


async def test_cancelling_a_turn_cleans_up(turns: Turns) -> None:
    running = asyncio.create_task(turns.make("shell", command="echo > x; sleep 60"))
    await asyncio.sleep(0.15)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_without_a_sandbox_the_run_hears_of_it(tmp_path: Path, threads: ThreadLanes) -> None:
    none = Sandbox(binaries=[])
    turns = Turns(code_tools(none), tmp_path, threads)
    for name, arguments in [("python", {"code": "1"}), ("shell", {"command": "ls"})]:
        with pytest.raises(SandboxMissing, match="Install bubblewrap"):
            await turns.make(name, 10, **arguments)
    none.close()


async def test_a_tool_that_needs_no_folder_makes_none(tmp_path: Path, threads: ThreadLanes) -> None:
    @tool(idempotent=True)
    async def plain() -> str:
        """Say."""
        return "said"

    turns = Turns([plain], tmp_path, threads)
    turns.state = "kept"
    assert await turns.make("plain") == "said"
    assert turns.state == "kept"
    assert not turns.scratch.root.exists()


async def test_an_operators_tool_has_a_folder_and_an_effect_key(
    tmp_path: Path, threads: ThreadLanes
) -> None:
    @tool(idempotent=True)
    def note(text: str, context: ToolContext) -> str:
        """Write it down."""
        with (context.scratch / "notes").open("a") as file:
            file.write(text)
        return (context.scratch / "notes").read_text()

    turns = Turns([note], tmp_path, threads)
    assert await turns.make("note", text="a") == "a"
    assert await turns.make("note", text="b") == "ab"


async def test_the_counting_tools_count(
    tmp_path: Path, threads: ThreadLanes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with CountingServer.start(tmp_path) as server:
        monkeypatch.setenv("COUNTING_TOOL_PORT", str(server.port))
        tools = load(["tests.fakes.counting_tools"])
        assert {name: one.idempotent for name, one in tools.items()} == {
            "count_every": False,
            "count_once": True,
        }
        for name in ("count_every", "count_once"):
            for _ in range(3):
                again = Turns(list(tools.values()), tmp_path, threads)
                assert await again.make(name, label=name) == f"counted {name}"
        (key,) = server.counts().calls
        assert key == effect_key("run", "tool[1]")
        assert server.counts().calls[key] == 6
        assert server.counts().effects[key] == 3  # once by each of count_every; count_once found it
    with CountingServer.start(tmp_path) as server:
        assert server.counts().effects[key] == 3


def test_the_filter_names_the_right_calls() -> None:
    header = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
    if not header.exists():
        pytest.skip("the kernel's headers are not installed")
    found = dict(re.findall(r"#define __NR_(\w+) (\d+)", header.read_text()))
    ours = {**seccomp.REFUSED, "clone": seccomp.CLONE, "clone3": seccomp.CLONE3}
    wrong = {
        name: both[0]
        for name, both in {**ours, "socket": seccomp.SOCKET}.items()
        if name in found and int(found[name]) != both[0]
    }
    assert wrong == {}


def test_the_filter_is_well_formed_for_each_cpu() -> None:
    for machine in ("x86_64", "aarch64"):
        assert seccomp.supported(machine)
        steps = list(struct.iter_unpack("<HBBI", seccomp.program(machine)))
        for at, (code, if_true, if_false, _) in enumerate(steps):
            if code != 0x06:
                assert at + 1 + max(if_true, if_false) < len(steps)
        assert steps[-1] == (0x06, 0, 0, 0x7FFF0000)
    assert not seccomp.supported("riscv64")
