"""Kill -9 of workers and of RabbitMQ with its data: every job is done, once under each fence.

Three worker processes, the very program `camel-ext worker`, on one PostgreSQL and one RabbitMQ; they hear
no `NOTIFY`. Each trial asks for jobs while it kills; every fourth kills the broker and wipes it, every
third stops a worker for longer than its lease, so that it wakes as a zombie.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from camel_ext.app import Parts, open_runtime
from camel_ext.core import jobs
from camel_ext.core.models import FINAL_STATES, Job
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.identity import bootstrap
from camel_ext.settings import Settings
from tests.brokers.effects import EARLY, RIGHT, TABLE, UNFENCED, judge
from tests.brokers.servers import RabbitMQ
from tests.chaos.zygote import Zygote
from tests.postgres import seeing_all, temporary_copy

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("brokers")]
WORKERS, JOBS, LEASE_S = 3, 40, 1.2


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    zygote = Zygote()
    yield zygote
    zygote.stop()


class Workers:
    """Worker processes that come back when they are killed."""

    def __init__(self, zygote: Zygote, env: dict[str, str], log: Path) -> None:
        self._zygote, self._env, self._log = zygote, env, str(log)
        self.pids = [self._start() for _ in range(WORKERS)]

    def _start(self) -> int:
        return self._zygote.start(["worker", "--queues", "tests"], self._env, self._log)

    def kill(self, which: int) -> None:
        """Kill -9 one, and start another in its place."""
        self._end(self.pids[which])
        self.pids[which] = self._start()

    def _end(self, pid: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        self._zygote.wait(pid)

    def stop(self, which: int, number: signal.Signals) -> None:
        """Stop one, or let it go on."""
        with suppress(ProcessLookupError):
            os.kill(self.pids[which], number)

    def end(self) -> None:
        for pid in self.pids:
            self._end(pid)


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
        await self._until_over()

    async def _ask(self, rng: Random, kind: str) -> None:
        for _ in range(JOBS):
            await asyncio.sleep(rng.uniform(0.0, 0.03))
            pause_ms, job_id = rng.randint(0, 60), self.runtime.new_id()

            def ask(db: Session, pause_ms: int = pause_ms, job_id: Any = job_id) -> None:
                jobs.enqueue(db, self.runtime.clock, job_id, kind, {"pause_ms": pause_ms})

            await self.runtime.write(self.tenant, ask)
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

    async def _until_over(self) -> None:
        def count_open(db: Session) -> int:
            still = select(func.count()).select_from(Job).where(Job.state.not_in(FINAL_STATES))
            return db.scalar(still) or 0

        async with asyncio.timeout(60):
            while await self.runtime.read(self.tenant, count_open):  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def close(self) -> None:
        if self._back is not None:
            await self._back

    def wrong(self, kind: str) -> list[str]:
        with seeing_all(self.database) as connection:
            return judge(connection, kind)


@pytest.fixture
async def scene(
    postgres_server: str, postgres_template: str, rabbitmq: RabbitMQ, zygote: Zygote, tmp_path: Path
) -> AsyncIterator[Scene]:
    with temporary_copy(postgres_server, postgres_template) as database:
        with seeing_all(database) as connection:
            connection.execute(TABLE)
        knobs = {
            "DATABASE__URL": database, "DATABASE__NOTIFY": "false", "BROKER__URL": rabbitmq.url,
            "BROKER__RETRY_MAX_S": "1", "QUEUE__LEASE_S": str(LEASE_S), "QUEUE__HEARTBEAT_S": "0.3",
            "QUEUE__POLL_S": "0.3", "QUEUE__CONCURRENCY": "8", "TRAINING__SLOTS": "0",
            "DATA_DIR": str(tmp_path / "data"), "OBSERVABILITY__LOG_LEVEL": "warning",
        }  # fmt: skip
        ours = {f"CAMEL_EXT_{name}": value for name, value in knobs.items()}
        env = {name: value for name, value in os.environ.items() if "CAMEL_EXT" not in name} | ours
        workers = Workers(zygote, env, tmp_path / "workers.log")
        try:
            async with asked(database, rabbitmq, tmp_path) as (runtime, tenant):
                scene = Scene(database, rabbitmq, workers, runtime, tenant)
                yield scene
                await scene.close()
        finally:
            workers.end()


@asynccontextmanager
async def asked(
    database: str, broker: RabbitMQ, tmp_path: Path
) -> AsyncIterator[tuple[Runtime, Tenant]]:
    """A process that asks for jobs, as the server does."""
    settings = Settings.model_validate(
        {
            "data_dir": tmp_path / "asker",
            "database": {"url": database, "notify": False},
            "broker": {"url": broker.url, "retry_max_s": 1.0},
        }
    )
    async with open_runtime(settings, Parts(rng=Random(5))) as runtime:
        founded = await runtime.write_system(
            "test", lambda db: bootstrap(db, runtime.clock, runtime.new_id)
        )
        yield runtime, founded.tenant


async def test_nothing_is_lost_and_nothing_done_twice(scene: Scene) -> None:
    for seed in range(20):
        await scene.trial(seed, RIGHT)
    assert not scene.wrong(RIGHT)
    assert scene.asked == 20 * JOBS
    assert scene.kills >= 20
    assert (scene.wipes, scene.zombies) == (5, 6)


@pytest.mark.parametrize(
    ("kind", "says", "seeds"),
    [
        (EARLY, "is lost", (0, 1, 4, 6)),
        # One worker is stopped at a moment: whether it holds a job then is chance, so several tries.
        (UNFENCED, "a late worker wrote", tuple(range(2, 40, 3))),
    ],
)
async def test_a_bug_is_found(scene: Scene, kind: str, says: str, seeds: tuple[int, ...]) -> None:
    """Signed off before it was done; written for without a fence."""
    for seed in seeds:
        await scene.trial(seed, kind)
        if any(says in each for each in scene.wrong(kind)):
            return
    pytest.fail(f"{kind} went unseen: {scene.wrong(kind)}")
