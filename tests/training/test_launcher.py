"""Real children: started alone in their folder, ended with their parent, killed and gone on with."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from camel_ext.core.clock import SystemClock
from camel_ext.core.models import State
from camel_ext.training import resume_training
from camel_ext.training.environment import find_environment
from camel_ext.training.errors import TrainerLost
from camel_ext.training.launcher import LocalLauncher, LocalTrainer
from camel_ext.training.spec import EXIT_DONE, EXIT_STOPPED
from camel_ext.training.tailing import Tail
from tests.training.conftest import LONG_S, Shop

SCRIPT = Path(__file__).with_name("playing_child.py")
ROOT = Path(__file__).resolve().parents[2]


def launcher_in(folder: Path, slots: int = 1) -> LocalLauncher:
    return LocalLauncher(
        find_python=lambda: Path(sys.executable), slots_dir=folder / "slots", slots=slots,
        threads=1, clock=SystemClock(), script=SCRIPT,
    )  # fmt: skip


def plan(folder: Path, steps: int = 3, step_s: float = 0.01, every: int = 2) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    said = {"steps": steps, "step_s": step_s, "every": every}
    (folder / "play.json").write_text(json.dumps(said))
    return folder


async def seen(tail: Tail, kind: str, count: int = 1) -> list[dict[str, object]]:
    """All events so far, once so many of a kind are among them."""
    events: list[dict[str, object]] = []
    async with asyncio.timeout(LONG_S):
        while sum(event["kind"] == kind for event in events) < count:
            await asyncio.sleep(0.02)
            events += tail.read()
    return events


def of_process(pid: int, what: str) -> str:
    return Path(f"/proc/{pid}/{what}").read_text()


def is_running(pid: int) -> bool:
    try:
        return of_process(pid, "stat").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_gone(pid: int) -> None:
    deadline = time.monotonic() + LONG_S
    while is_running(pid):
        assert time.monotonic() < deadline, f"process {pid} lives on"
        time.sleep(0.02)


@pytest.fixture
async def started(tmp_path: Path) -> AsyncIterator[list[LocalTrainer]]:
    """Trainers to be ended, whatever the test does."""
    trainers: list[LocalTrainer] = []
    yield trainers
    for trainer in trainers:
        await trainer.stop(0.0)


class TestChild:
    @pytest.mark.slow
    async def test_it_plays_to_its_end(self, tmp_path: Path) -> None:
        folder = plan(tmp_path / "job")
        trainer = await launcher_in(tmp_path).start(folder, look=False, look_first=True)
        assert await trainer.wait() == EXIT_DONE, (folder / "console.log").read_text()
        kinds = [event["kind"] for event in Tail(folder).read()]
        assert kinds == ["preflight", "step", "step", "checkpoint", "step", "result"]

    async def test_a_look_only_looks_and_nobody_has_a_network(self, tmp_path: Path) -> None:
        folder = plan(tmp_path / "job")
        trainer = await launcher_in(tmp_path).start(folder, look=True, look_first=False)
        assert await trainer.wait() == EXIT_DONE
        (look,) = Tail(folder).read()
        if os.geteuid() == 0:  # elsewhere the kernel may not let us
            assert look["network"] is False

    async def test_it_is_told_nothing_but_what_it_needs(
        self, tmp_path: Path, started: list[LocalTrainer], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", "secret4712")
        folder = plan(tmp_path / "job", step_s=60)
        trainer = await launcher_in(tmp_path).start(folder, look=False, look_first=True)
        started.append(trainer)
        await seen(Tail(folder), "preflight")
        told = of_process(trainer.pid, "environ")
        assert "secret4712" not in told
        assert "HF_HUB_OFFLINE=1" in told
        assert os.getpgid(trainer.pid) == trainer.pid != os.getpgid(0)
        assert int(of_process(trainer.pid, "oom_score_adj")) > 0

    async def test_asked_to_stop_it_leaves_a_checkpoint(
        self, tmp_path: Path, started: list[LocalTrainer]
    ) -> None:
        folder = plan(tmp_path / "job", steps=1000, step_s=0.02, every=1000)
        trainer = await launcher_in(tmp_path).start(folder, look=False, look_first=False)
        started.append(trainer)
        await seen(Tail(folder), "step", 2)
        assert await trainer.stop(LONG_S) == EXIT_STOPPED
        assert list((folder / "checkpoints").iterdir())

    async def test_one_that_does_not_listen_is_killed(
        self, tmp_path: Path, started: list[LocalTrainer]
    ) -> None:
        folder = plan(tmp_path / "job", step_s=60)
        trainer = await launcher_in(tmp_path).start(folder, look=False, look_first=True)
        started.append(trainer)
        await seen(Tail(folder), "preflight")
        assert await trainer.stop(0.1) in (-signal.SIGKILL, EXIT_STOPPED)
        wait_gone(trainer.pid)

    async def test_an_interpreter_that_is_not_there_is_said(self, tmp_path: Path) -> None:
        launcher = launcher_in(tmp_path)
        launcher.find_python = lambda: tmp_path / "python"
        with pytest.raises(TrainerLost, match="train setup"):
            await launcher.start(plan(tmp_path / "job"), look=False, look_first=False)


@pytest.mark.slow
class TestLocks:
    async def test_no_slot_and_no_folder_is_shared(
        self, tmp_path: Path, started: list[LocalTrainer]
    ) -> None:
        launcher = launcher_in(tmp_path)
        busy = plan(tmp_path / "busy", steps=1000, step_s=0.05)
        first = await launcher.start(busy, look=False, look_first=False)
        started.append(first)
        other = plan(tmp_path / "other")
        waiting = asyncio.create_task(launcher.start(other, look=False, look_first=False))
        again = asyncio.create_task(
            launcher_in(tmp_path, 2).start(busy, look=False, look_first=False)
        )
        done, _ = await asyncio.wait({waiting, again}, timeout=1.0)
        assert not done
        again.cancel()
        await asyncio.wait({again})
        await first.stop(LONG_S)
        started.append(await waiting)
        assert await started[-1].wait() == EXIT_DONE

    def test_they_outlive_whoever_took_them_and_the_child_does_not(self, tmp_path: Path) -> None:
        """A parent that is killed takes its child with it, and the locks are free again."""
        folder = plan(tmp_path / "job", steps=1000, step_s=0.05)
        parent = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(f"""
                import asyncio, pathlib
                from tests.training.test_launcher import launcher_in
                async def main():
                    here = pathlib.Path({str(tmp_path)!r})
                    trainer = await launcher_in(here).start(
                        pathlib.Path({str(folder)!r}), look=False, look_first=False)
                    print(trainer.pid, flush=True)
                    await trainer.wait()
                asyncio.run(main())
            """)],
            cwd=ROOT, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert is_running(child)
        parent.kill()
        parent.wait()
        parent.stdout.close()
        wait_gone(child)

        async def again() -> int:
            trainer = await launcher_in(tmp_path).start(folder, look=True, look_first=False)
            return await trainer.wait()

        assert asyncio.run(again()) == EXIT_DONE


@pytest.mark.slow
class TestInTheHouse:
    """The task with real children."""

    async def test_a_child_that_is_killed_goes_on_from_its_checkpoint(self, shop: Shop) -> None:
        shop.yard.launcher = launcher_in(shop.yard.data_dir)
        asked = await shop.start()
        folder = plan(shop.yard.folder(asked.id), steps=12, step_s=0.3, every=4)
        async with shop.working():
            await shop.until(asked.id, lambda it: it.progress.get("step", 0) >= 6)
            console = (folder / "console.log").read_text()
            os.kill(int(console.split()[1]), signal.SIGKILL)
            training = await shop.ended(asked.id)
        assert training.state == State.SUCCEEDED, training.error_detail
        assert await shop.points(asked.id) == list(range(1, 13))
        assert re.search(r"goes on after step (4|8)$", str(training.console_tail), re.MULTILINE)
        assert training.adapter_version_id is not None

    async def test_a_cancelled_one_can_go_on(self, shop: Shop) -> None:
        shop.yard.launcher = launcher_in(shop.yard.data_dir)
        asked = await shop.start()
        plan(shop.yard.folder(asked.id), steps=8, step_s=0.1, every=100)
        async with shop.working():
            await shop.until(asked.id, lambda it: it.progress.get("step", 0) >= 2)
            await shop.cancel(asked.id)
            training = await shop.ended(asked.id)
            assert training.state == State.CANCELLED
            reached = training.progress["checkpoint_step"]
            assert reached >= 2
            runtime = shop.runtime
            await shop.write(resume_training, runtime.clock, runtime.new_id, asked.id)
            training = await shop.ended(asked.id)
        assert training.state == State.SUCCEEDED
        assert f"goes on after step {reached}" in str(training.console_tail)
        assert await shop.points(asked.id) == list(range(1, 9))


def test_this_interpreter_is_the_environment_where_torch_is_in_it(tmp_path: Path) -> None:
    found = find_environment(tmp_path)
    if found is None:
        pytest.skip("PyTorch is not installed here")
    assert found.python == Path(sys.executable)
    assert found.versions["torch"].startswith("2.13.0")
    assert not found.missing
