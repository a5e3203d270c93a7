"""Kill -9 of workers and of RabbitMQ with its data: every job is done, once under each fence.

Three worker processes, the very program `camel-ext worker`, on one PostgreSQL and one RabbitMQ; they hear
no `NOTIFY`. Each trial asks for jobs while it kills; every fourth kills the broker and wipes it, every
third stops a worker for longer than its lease, so that it wakes as a zombie.
"""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest

from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from tests.brokers.asking import ask, until_over
from tests.brokers.effects import EARLY, RIGHT, TABLE, UNFENCED, UNTOLD, judge, untold
from tests.brokers.processes import LEASE_S, WORKERS, Workers, asked, environment
from tests.brokers.servers import RabbitMQ
from tests.chaos.zygote import Zygote
from tests.faults.trials import SEEDS, TRIALS, report
from tests.postgres import seeing_all, temporary_copy

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("brokers")]
JOBS = 40


class Scene:
    """One database, one broker, workers, and somebody who asks for jobs."""

    def __init__(
        self, database: str, broker: RabbitMQ, workers: Workers, runtime: Runtime, tenant: Tenant
    ) -> None:
        self.database, self.broker, self.workers = database, broker, workers
        self.runtime, self.tenant = runtime, tenant
        self.asked = self.kills = self.wipes = self.zombies = 0
        self._back: asyncio.Task[None] | None = None

    async def trial(self, seed: int, kind: str) -> None:
        """Ask for jobs, kill, and wait until every job is over."""
        rng = Random(seed)
        asking = asyncio.create_task(self._ask(rng, kind))
        if seed % 4 == 3:
            await self._wipe_broker(rng)
        if seed % 3 == 2:
            await self._make_a_zombie(rng)
        for _ in range(rng.randint(1, 3)):
            await asyncio.sleep(rng.uniform(0.05, 0.4))
            await asyncio.to_thread(self.workers.kill, rng.randrange(WORKERS))
            self.kills += 1
        await asking
        await until_over(self.runtime, self.tenant)

    async def wiping(self, seed: int, kind: str) -> None:
        """Ask for jobs while the broker dies with its data, and wait until every job is over."""
        rng = Random(seed)
        asking = asyncio.create_task(self._ask(rng, kind, JOBS // 2))
        await self._wipe_broker(rng)
        await asking
        await until_over(self.runtime, self.tenant)

    async def _ask(self, rng: Random, kind: str, count: int = JOBS) -> None:
        for _ in range(count):
            await asyncio.sleep(rng.uniform(0.0, 0.03))
            await ask(self.runtime, self.tenant, rng.randint(0, 60), kind)
            self.asked += 1

    async def _wipe_broker(self, rng: Random) -> None:
        """Kill the broker with its data; it comes back while the trials go on."""
        if self._back is not None:
            await self._back
        await asyncio.sleep(rng.uniform(0.0, 0.3))
        await asyncio.to_thread(self.broker.kill, wipe=True)
        self._back = asyncio.create_task(asyncio.to_thread(self.broker.start))
        self.wipes += 1

    async def _make_a_zombie(self, rng: Random) -> None:
        """Stop a worker until others took over what it held, then let it write."""
        which = rng.randrange(WORKERS)
        await asyncio.sleep(rng.uniform(0.1, 0.4))
        self.workers.stop(which, signal.SIGSTOP)
        await asyncio.sleep(2 * LEASE_S)
        self.workers.stop(which, signal.SIGCONT)
        await asyncio.sleep(0.2)
        self.zombies += 1

    async def close(self) -> None:
        if self._back is not None:
            await self._back

    def wrong(self, kind: str) -> list[str]:
        with seeing_all(self.database) as connection:
            return judge(connection, kind) + untold(connection)


@pytest.fixture
async def scene(
    postgres_server: str, postgres_template: str, rabbitmq: RabbitMQ, zygote: Zygote, tmp_path: Path
) -> AsyncIterator[Scene]:
    with temporary_copy(postgres_server, postgres_template) as database:
        with seeing_all(database) as connection:
            connection.execute(TABLE)
        workers = Workers(
            zygote, environment(database, rabbitmq.url, tmp_path), tmp_path / "workers.log"
        )
        try:
            async with asked(database, rabbitmq.url, tmp_path) as (runtime, tenant):
                scene = Scene(database, rabbitmq, workers, runtime, tenant)
                yield scene
                await scene.close()
        finally:
            workers.end()


async def test_nothing_is_lost_and_nothing_done_twice(scene: Scene) -> None:
    for seed in SEEDS:
        await scene.trial(seed, RIGHT)
    assert not scene.wrong(RIGHT)
    assert scene.asked == TRIALS * JOBS
    assert scene.kills >= TRIALS
    assert scene.wipes == sum(seed % 4 == 3 for seed in SEEDS)
    assert scene.zombies == sum(seed % 3 == 2 for seed in SEEDS)
    report(
        trials=TRIALS, kills=scene.kills, wipes=scene.wipes, zombies=scene.zombies, jobs=scene.asked
    )


async def test_a_broker_that_is_wiped_each_time_loses_nothing(scene: Scene) -> None:
    for seed in SEEDS:
        await scene.wiping(seed, RIGHT)
    assert not scene.wrong(RIGHT)
    assert (scene.wipes, scene.asked) == (TRIALS, TRIALS * JOBS // 2)
    report(trials=TRIALS, wipes=scene.wipes, jobs=scene.asked)


@pytest.mark.parametrize(
    ("kind", "says", "seeds"),
    [
        (EARLY, "is lost", (0, 1, 4, 6)),
        # One worker is stopped at a moment: whether it holds a job then is chance, so several tries.
        (UNFENCED, "a late worker wrote", tuple(range(2, 40, 3))),
        (UNTOLD, "nobody was told", (0, 1, 4, 6)),
    ],
)
async def test_a_bug_is_found(scene: Scene, kind: str, says: str, seeds: tuple[int, ...]) -> None:
    """Signed off before it was done; written for without a fence; told of behind the commit."""
    for seed in seeds:
        await scene.trial(seed, kind)
        if any(says in each for each in scene.wrong(kind)):
            return
    pytest.fail(f"{kind} went unseen: {scene.wrong(kind)}")
