"""Messages doubled, late, out of order and lost, on a real RabbitMQ: each job runs once, and runs.

Three worker processes, the very program `camel-ext worker`; between the process that asks and the broker
stands somebody who mistreats its messages. What Celery then brings is real.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from camel_ext.brokers.celery_app import HintSender
from camel_ext.brokers.hints import Hinter, Messages
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from tests.brokers.asking import ask, not_once, until_over
from tests.brokers.effects import TABLE
from tests.brokers.processes import Workers, asked, environment
from tests.brokers.servers import RabbitMQ
from tests.chaos.zygote import Zygote
from tests.faults.trials import SEEDS, TRIALS, report
from tests.postgres import seeing_all, temporary_copy

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("brokers")]
JOBS = 20
LATE_S = 1.0  # most jobs are over by then
HABITS = ("doubled", "late", "reordered", "lost")


class Unruly:
    """Takes messages as a broker's driver does, and passes them on as badly as it is told to."""

    def __init__(self, sender: HintSender, habit: str, rng: Random) -> None:
        self.sender, self.habit, self._rng = sender, habit, rng
        self._came: deque[tuple[str, list[str]]] = deque()
        self._due: list[tuple[float, tuple[str, list[str]]]] = []
        self.came = self.passed_on = 0

    def send(self, messages: Messages) -> None:
        self._came.extend((queue, [one]) for queue, ids in messages for one in ids)

    async def carry(self, runtime: Runtime) -> None:
        """Pass on what is due; until cancelled."""
        while True:
            await asyncio.sleep(0.05 if self.habit == "reordered" else 0.005)
            now_s = runtime.clock.monotonic_s()
            while self._came:
                self.came += 1
                message = self._came.popleft()
                self._due += [(now_s + delay_s, message) for delay_s in self._delays_s()]
            ready = [message for due_s, message in self._due if due_s <= now_s]
            self._due = [each for each in self._due if each[0] > now_s]
            if ready:
                self._rng.shuffle(ready)
                self.passed_on += len(ready)
                await runtime.threads.run("hints", self.sender.send, ready)

    def _delays_s(self) -> list[float]:
        """Return when each copy of a message is passed on."""
        rng = self._rng
        if self.habit == "doubled":
            return [0.0, *(rng.choice([0.0, rng.uniform(0, LATE_S)]) for _ in range(2))]
        if self.habit == "late":
            return [rng.uniform(0, LATE_S)]
        if self.habit == "lost":
            return [0.0] if rng.random() < 0.5 else []
        return [0.0]


class Scene:
    """A database, workers, and who asks through the unruly one."""

    def __init__(self, database: str, runtime: Runtime, tenant: Tenant, unruly: Unruly) -> None:
        self.database, self._runtime, self._tenant = database, runtime, tenant
        self.unruly = unruly

    async def trial(self, seed: int) -> None:
        """Ask for jobs, and wait until they are over and every message has come."""
        rng = Random(seed)
        for _ in range(JOBS):
            await asyncio.sleep(rng.uniform(0.0, 0.02))
            await ask(self._runtime, self._tenant, rng.randint(0, 30))
        await until_over(self._runtime, self._tenant)


@contextmanager
def working(
    zygote: Zygote, database: str, rabbitmq: RabbitMQ, folder: Path, **more: str
) -> Iterator[None]:
    env = environment(database, rabbitmq.url, folder) | {"CAMEL_EXT_QUEUE__LEASE_S": "30"} | more
    workers = Workers(zygote, env, folder / "workers.log")
    try:
        yield
    finally:
        workers.end()


@asynccontextmanager
async def asking(
    database: str, rabbitmq: RabbitMQ, folder: Path, habit: str
) -> AsyncIterator[Scene]:
    async with asked(database, None, folder) as (runtime, tenant):
        unruly = Unruly(HintSender(rabbitmq.url, timeout_s=3.0), habit, Random(habit))
        hinter = Hinter(runtime, unruly.send, retry_max_s=1.0)
        tasks: list[asyncio.Task[Any]] = [
            asyncio.create_task(hinter.run()),
            asyncio.create_task(unruly.carry(runtime)),
        ]
        yield Scene(database, runtime, tenant, unruly)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await runtime.threads.run("hints", unruly.sender.close)


@pytest.fixture
def database(postgres_server: str, postgres_template: str) -> Iterator[str]:
    with temporary_copy(postgres_server, postgres_template) as url:
        with seeing_all(url) as connection:
            connection.execute(TABLE)
        yield url


@pytest.mark.parametrize("habit", HABITS)
async def test_each_job_runs_once(
    database: str, rabbitmq: RabbitMQ, zygote: Zygote, tmp_path: Path, habit: str
) -> None:
    with working(zygote, database, rabbitmq, tmp_path):
        async with asking(database, rabbitmq, tmp_path, habit) as scene:
            for seed in SEEDS:
                await scene.trial(seed)
            await asyncio.sleep(2 * LATE_S)  # the last message has come, and changes nothing
            assert not_once(scene.database) == []
            unruly = scene.unruly
    assert unruly.came == TRIALS * JOBS
    ratio = {"doubled": 3.0, "lost": 0.5}.get(habit, 1.0)
    assert abs(unruly.passed_on / unruly.came - ratio) < 0.1
    report(trials=TRIALS, jobs=TRIALS * JOBS, messages=unruly.passed_on)


async def test_a_worker_that_believes_messages_is_found(
    database: str, rabbitmq: RabbitMQ, zygote: Zygote, tmp_path: Path
) -> None:
    bug = {"TEST_TASKS": "tests.brokers.believing"}
    with working(zygote, database, rabbitmq, tmp_path, **bug):
        async with asking(database, rabbitmq, tmp_path, "doubled") as scene:
            await scene.trial(0)
            await asyncio.sleep(2 * LATE_S)
            assert not_once(scene.database)
