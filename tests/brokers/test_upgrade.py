"""Rolling upgrade: workers of an older and of this version on one queue, drained by SIGTERM one by one.

The older version is the oldest commit that knows today's schema, by `git archive`: what a running worker is
beside a server that has just brought the database up. (While a release changes the schema, the same holds
for what was the newest revision before; that workers bear a column they do not know is tried here, too.)
"""

import asyncio
import io
import os
import shutil
import signal
import subprocess
import tarfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from camel_ext.core import jobs
from camel_ext.core.migrate import newest_revision
from camel_ext.core.models import FINAL_STATES, Job, State
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from tests.brokers.effects import RIGHT, TABLE, judge
from tests.brokers.newer import NEWER
from tests.brokers.processes import asked
from tests.brokers.servers import RabbitMQ
from tests.chaos import trials
from tests.chaos.invariants import wrong_with
from tests.chaos.platform import Platform, World, copy_of, make_template
from tests.chaos.trials import Bench
from tests.chaos.watcher import Watcher
from tests.chaos.zygote import Zygote
from tests.cluster.apis import Api, ready, wrong_between
from tests.postgres import create_database, seeing_all, temporary_copy, url_of

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("brokers")]
ROOT = Path(__file__).parents[2]
GRACE_S, STOP_S = 2.0, 5.0  # what a worker has to finish, and to be gone after that
LONG_MS = 3000  # a job that does not end within the grace: it is given back


def _git(*words: str) -> bytes:
    return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True).stdout


@pytest.fixture(scope="module")
def old_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The platform as it was when the newest revision of the schema came in."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("no history to take an older version from")
    revision = next((ROOT / "migrations" / "versions").glob(f"{newest_revision()}_*.py"))
    words = ("log", "-1", "--diff-filter=A", "--format=%H", "--", str(revision.relative_to(ROOT)))
    commit = _git(*words).decode().strip() or "HEAD"
    folder = tmp_path_factory.mktemp("old")
    packed = _git("archive", commit, "camel_ext", "clients", "migrations", "tests")
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="module")
def old(old_code: Path) -> Iterator[Zygote]:
    zygote = Zygote(old_code)
    yield zygote
    zygote.stop()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    opened = World.open(tmp_path_factory.mktemp("world"))
    yield opened
    opened.close()


@pytest.fixture
def leftover() -> Iterator[list[int]]:
    """Processes to kill where a test did not come to draining them."""
    pids: list[int] = []
    yield pids
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


async def drain(zygote: Zygote, pid: int) -> float:
    """Have a worker end as an operator does; return how long it took."""
    began_s = time.monotonic()
    os.kill(pid, signal.SIGTERM)
    await asyncio.to_thread(zygote.wait, pid)
    return time.monotonic() - began_s


class Queue:
    """Who asks for jobs, and looks what became of them."""

    def __init__(self, runtime: Runtime, tenant: Tenant) -> None:
        self._runtime, self._tenant = runtime, tenant

    async def ask(self, kind: str, count: int, pause_ms: int, every_s: float = 0.0) -> None:
        for _ in range(count):
            job_id = self._runtime.new_id()

            def ask(db: Session, job_id: UUID = job_id) -> None:
                jobs.enqueue(db, self._runtime.clock, job_id, kind, {"pause_ms": pause_ms})

            await self._runtime.write(self._tenant, ask)
            await asyncio.sleep(every_s)

    async def states(self, kind: str) -> dict[State, int]:
        def count(db: Session) -> dict[State, int]:
            query = select(Job.state, func.count()).where(Job.kind == kind).group_by(Job.state)
            return {row[0]: row[1] for row in db.execute(query)}

        return await self._runtime.read(self._tenant, count)

    async def until_over(self, kind: str) -> None:
        async with asyncio.timeout(60):
            while not set(await self.states(kind)) <= FINAL_STATES:  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def until_running(self, kind: str) -> None:
        async with asyncio.timeout(30):
            while State.RUNNING not in await self.states(kind):  # noqa: ASYNC110
                await asyncio.sleep(0.02)


@pytest.fixture
async def queue(
    postgres_server: str, postgres_template: str, rabbitmq: RabbitMQ, tmp_path: Path
) -> AsyncIterator[tuple[Queue, str, dict[str, str]]]:
    with temporary_copy(postgres_server, postgres_template) as database:
        with seeing_all(database) as connection:
            connection.execute(TABLE)
        knobs = {
            "DATABASE__URL": database, "BROKER__URL": rabbitmq.url, "QUEUE__LEASE_S": "20",
            "QUEUE__GRACEFUL_STOP_S": str(GRACE_S), "QUEUE__CONCURRENCY": "8",
            "TRAINING__SLOTS": "0", "DATA_DIR": str(tmp_path / "data"),
            "OBSERVABILITY__LOG_LEVEL": "warning",
        }  # fmt: skip
        ours = {f"CAMEL_EXT_{name}": value for name, value in knobs.items()}
        env = {name: value for name, value in os.environ.items() if "CAMEL_EXT" not in name}
        async with asked(database, rabbitmq.url, tmp_path) as (runtime, tenant):
            yield Queue(runtime, tenant), database, env | ours


async def test_old_and_new_workers_share_a_queue_and_lose_no_job(
    queue: tuple[Queue, str, dict[str, str]],
    old: Zygote,
    world: World,
    tmp_path: Path,
    leftover: list[int],
) -> None:
    """A column and a kind of job that the old do not know; jobs that outlast the grace are given back."""
    asker, database, env = queue
    words, log = ["worker", "--queues", "tests"], tmp_path / "workers.log"
    old_ones = [old.start(words, env, str(log)) for _ in range(2)]
    leftover.extend(old_ones)
    await asker.ask(NEWER, 8, 20)
    await asker.ask(RIGHT, 40, 20)
    await asker.until_over(RIGHT)
    assert await asker.states(NEWER) == {State.QUEUED: 8}  # nobody here knows it yet: it waits
    with seeing_all(database) as connection:
        connection.execute("alter table jobs add column of_a_later_version text")
    new_env = env | {"TEST_TASKS": "tests.brokers.newer"}
    new_ones = [world.zygote.start(words, new_env, str(log)) for _ in range(2)]
    leftover.extend(new_ones)
    await asker.until_over(NEWER)
    asking = asyncio.create_task(asker.ask(RIGHT, 150, 60, every_s=0.03))
    await asker.ask(RIGHT, 8, LONG_MS)
    await asker.until_running(RIGHT)
    took_s = [await drain(old, pid) for pid in old_ones]
    await asking
    await asker.ask(NEWER, 8, 20)
    for kind in (RIGHT, NEWER):
        await asker.until_over(kind)
    took_s += [await drain(world.zygote, pid) for pid in new_ones]
    leftover.clear()
    with seeing_all(database) as connection:
        assert judge(connection, RIGHT) + judge(connection, NEWER) == []
        died = connection.execute("select count(*) from jobs where takeovers > 0").fetchone()
        left = connection.execute("select count(*) from workers").fetchone()
    assert (died, left) == ((0,), (0,))  # everybody gave back what it held, and said goodbye
    assert max(took_s) < GRACE_S + STOP_S, took_s
    assert await asker.states(RIGHT) == {State.SUCCEEDED: 198}
    assert "Traceback" not in log.read_text()


async def test_runs_go_on_while_workers_are_replaced(
    postgres_server: str, rabbitmq: RabbitMQ, old: Zygote, world: World, tmp_path: Path
) -> None:
    """Teams at work with tools that count: each turn once, each effect once, as in a calm run."""
    create_database(postgres_server, "upgraded")
    told = {
        "CAMEL_EXT_BROKER__URL": rabbitmq.url,
        "CAMEL_EXT_QUEUE__LEASE_S": "20",
        "CAMEL_EXT_QUEUE__GRACEFUL_STOP_S": "0.2",  # so that turns are cut, and not only waited for
    }
    url = url_of(postgres_server, "upgraded")
    template = await asyncio.to_thread(make_template, world, tmp_path / "template", url)
    create_database(postgres_server, "calm", "upgraded")
    bench = Bench(world, template, {}, 1, told, lambda: url_of(postgres_server, "calm"))
    await trials.learn(bench)
    log_from, rng = world.provider.size(), Random(3)
    server = Api(world, copy_of(template, tmp_path / "server"), url, told)
    older: Platform = Platform(replace(world, zygote=old), tmp_path / "older", url, told)
    newer = Platform(world, tmp_path / "newer", url, told)
    for each in (older, newer):
        each.data_dir.mkdir()
    try:
        await ready(server)
        for _ in range(2):
            older.start_worker()
        watcher = Watcher(server, "upgrade", [0, 1, 2, 3])
        watching = asyncio.create_task(watcher.run())
        async with asyncio.timeout(trials.TRIAL_S):
            while older.workers:
                await watcher.heard_turn(rng.randint(4, 8))
                newer.start_worker()
                await watcher.heard_turn(2)
                await drain(old, older.workers.pop().pid)
            await watcher.heard_turn(4)
            newer.start_worker()
            await drain(world.zygote, newer.workers.pop(0).pid)
            await watching
        turns: dict[str, list[Any]] = await asyncio.to_thread(trials._read_turns, server, watcher)
        calls, counts = world.provider.calls(log_from), world.counting.counts()
        wrong = wrong_with(watcher, turns, calls, counts, bench.stories)
        with seeing_all(url) as connection:
            died = connection.execute("select count(*) from jobs where takeovers > 0").fetchone()
    finally:
        for each in (server, older, newer):
            each.kill_all()
    assert wrong + wrong_between([watcher]) == []
    assert died == (0,)
