"""A fork whose worker is killed goes on elsewhere, and no answer that is there is asked for again."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import pytest

from camel_ext.core.clock import SystemClock
from camel_ext.core.database import Database
from camel_ext.core.models import State
from camel_ext.core.paging import Place
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.core.threads import ThreadLanes
from camel_ext.identity import Actor, PrincipalKind, Role, bootstrap
from camel_ext.interactions import (
    InteractionFilter,
    list_candidates,
    list_interactions,
    read_external_ids,
)
from camel_ext.workflows import (
    Asker,
    ForkStart,
    RunStart,
    cancel_fork,
    definitions,
    get_fork,
    get_run,
    start_fork,
    start_run,
)
from camel_ext.workflows.forking import AT_ONCE, seed_of
from camel_ext.workflows.forks import SOURCE
from camel_ext.workflows.schemas import ConfigurationApply
from tests.workflows.conftest import MODELS, eventually
from tests.workflows.mortal import MortalWorker

FILES = {
    "models.yaml": MODELS,
    "agents.yaml": "agents:\n  talker: {model: small}\n",
    "workflows.yaml": "workflows:\n  flow: {steps: [{name: say, agent: talker, prompt: hello}]}\n",
}
WANTED = 12
ROOT = Path(__file__).parents[2]


class Scene:
    """A project with one answered call, and workers over it that can be killed."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        self.door = Runtime(Database(url), SystemClock(), Random(5), ThreadLanes())
        self.workers: list[MortalWorker] = []

    async def found(self) -> None:
        door = self.door
        founded = await door.write_system("test", lambda db: bootstrap(db, door.clock, door.new_id))
        self.tenant: Tenant = founded.tenant
        ids = (door.new_id(), door.new_id())
        actor = Actor(self.tenant, *ids, "tester", PrincipalKind.USER, Role.OWNER)
        by = definitions.Applier(actor, door.clock, door.new_id, frozenset())
        wanted = ConfigurationApply(name="main", files=FILES)
        await self.write(definitions.apply, by, wanted, None)
        self.asker = Asker(door.new_id(), door.clock, door.new_id, lambda: 7, "0" * 32)

    async def write(self, fn: Callable[..., Any], *args: Any) -> Any:
        return await self.door.write(self.tenant, fn, *args)

    async def read(self, fn: Callable[..., Any], *args: Any) -> Any:
        return await self.door.read(self.tenant, fn, *args)

    def work(self) -> MortalWorker:
        worker = MortalWorker(self.url, self.folder, [])
        self.workers.append(worker)
        return worker

    async def call_to_fork(self, worker: MortalWorker) -> UUID:
        """The only call of a finished run."""
        run = await self.write(start_run, self.asker, RunStart(workflow="flow"))
        await arrived(worker, 1)
        worker.gates.open(*worker.gates.waiting)

        async def ended() -> Any:
            found = await self.read(get_run, run.id)
            return found if found.state == State.SUCCEEDED else None

        await eventually(ended)
        found = await self.read(list_interactions, InteractionFilter(run_id=run.id), Place(10))
        return UUID(str(found.items[0]["id"]))

    async def until(self, fork_id: UUID, there: Callable[[Any], bool]) -> Any:
        async def look() -> Any:
            fork = await self.read(get_fork, fork_id)
            return fork if there(fork) else None

        return await eventually(look)

    async def close(self) -> None:
        for worker in self.workers:
            await worker.end()
        await self.door.close()


@pytest.fixture
async def scene(database_url: str, tmp_path: Path) -> AsyncIterator[Scene]:
    made = Scene(database_url, tmp_path)
    await made.found()
    yield made
    await made.close()


async def arrived(worker: MortalWorker, count: int) -> set[int]:
    """Wait until so many calls wait for the model; return their seeds."""

    async def look() -> set[int] | None:
        waiting = set(worker.gates.waiting)
        return waiting if len(waiting) >= count else None

    found: set[int] = await eventually(look)
    return found


async def test_what_is_there_is_not_asked_for_again(scene: Scene) -> None:
    first = scene.work()
    call = await scene.call_to_fork(first)
    fork = await scene.write(
        start_fork, scene.asker, ForkStart(interaction_id=call, samples=WANTED, seed=3)
    )
    seeds = {seed_of(3, number) for number in range(WANTED)}
    at_it = await arrived(first, AT_ONCE)
    let_through = set(list(at_it)[:3])
    for seed in let_through:
        first.gates.open(seed)
    await scene.until(fork.id, has(3))
    first.kill()

    second = scene.work()
    asked: set[int] = set()
    while len(asked) < WANTED - 3:
        for seed in await arrived(second, 1):
            asked.add(seed)
            second.gates.open(seed)
        await asyncio.sleep(0)
    ended = await scene.until(fork.id, lambda row: row.state.is_final)
    assert (ended.state, ended.done, ended.failed) == (State.SUCCEEDED, WANTED, 0)
    assert asked == seeds - let_through
    family = await scene.read(list_candidates, call)
    assert len(family) == 1 + WANTED
    assert len({each.prompt_hash for each in family}) == 1


def has(count: int) -> Callable[[Any], bool]:
    return lambda row: row.done >= count


@contextmanager
def process(scene: Scene) -> Iterator[None]:
    """A worker in a process of its own, killed at the end of the block."""
    command = [sys.executable, "-m", "tests.workflows.fork_process", scene.url, str(scene.folder)]
    child = subprocess.Popen(command, cwd=ROOT)
    try:
        yield
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait(10)


@pytest.mark.slow
async def test_kill_9_again_and_again(scene: Scene) -> None:
    first = scene.work()
    call = await scene.call_to_fork(first)
    first.kill()
    wanted = ForkStart(interaction_id=call, samples=64, seed=3)
    fork = await scene.write(start_fork, scene.asker, wanted)
    asked, there = scene.folder / "asked", set[int]()
    for least in (1, 20, 40, 64):
        before = asked.read_text().split() if asked.exists() else []
        with process(scene):
            await scene.until(fork.id, has(least))
        again = {int(seed) for seed in asked.read_text().split()[len(before) :]}
        assert not again & there, "an answer that is in the log was asked for once more"
        names = await scene.read(read_external_ids, SOURCE, f"{fork.id}/")
        there = {seed_of(3, int(name.rpartition("/")[2])) for name in names}
        assert (await scene.read(get_fork, fork.id)).done == len(there)
    with process(scene):
        ended = await scene.until(fork.id, lambda row: row.state.is_final)
    assert (ended.state, ended.done, ended.failed) == (State.SUCCEEDED, 64, 0)
    assert len(await scene.read(list_candidates, call)) == 65
    assert len(asked.read_text().split()) <= 64 + 3 * AT_ONCE


async def test_a_fork_that_nobody_executes_is_cancelled_at_once(scene: Scene) -> None:
    first = scene.work()
    call = await scene.call_to_fork(first)
    first.kill()
    fork = await scene.write(start_fork, scene.asker, ForkStart(interaction_id=call))
    ended = await scene.write(cancel_fork, scene.door.clock, fork.id)
    assert ended.state == State.CANCELLED
    again = await scene.write(cancel_fork, scene.door.clock, fork.id)
    assert again.finished_at == ended.finished_at
