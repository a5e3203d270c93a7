"""The worker process: it executes jobs of a PostgreSQL database, and refuses what it cannot use."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from random import Random

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from camel_ext.app import Parts
from camel_ext.core import jobs
from camel_ext.core.clock import SystemClock
from camel_ext.core.database import Database
from camel_ext.core.migrate import SchemaMissing
from camel_ext.core.models import Worker
from camel_ext.core.queue import TaskContext, task
from camel_ext.core.runtime import Runtime
from camel_ext.core.threads import ThreadLanes
from camel_ext.identity import bootstrap
from camel_ext.scheduler import run_scheduler
from camel_ext.settings import Settings
from camel_ext.worker import NoSuchQueue, WorkerNeedsPostgres, run_worker
from tests.postgres import create_database, temporary_copy, url_of

DONE: list[str] = []


@task("tests.cli.note")
async def note(_context: TaskContext, *, word: str) -> None:
    DONE.append(word)


def settings_for(url: str, tmp_path: Path) -> Settings:
    settings = Settings(data_dir=tmp_path)
    database = settings.database.model_copy(update={"url": url})
    return settings.model_copy(update={"database": database})


async def test_sqlite_is_refused_before_anything_is_opened(tmp_path: Path) -> None:
    with pytest.raises(WorkerNeedsPostgres, match="CAMEL_EXT_DATABASE__URL"):
        await run_worker(Settings(data_dir=tmp_path / "data"), asyncio.Event())
    assert not (tmp_path / "data").exists()


@pytest.mark.slow
async def test_it_executes_what_another_process_queued(
    tmp_path: Path, postgres_server: str, postgres_template: str
) -> None:
    with temporary_copy(postgres_server, postgres_template) as url:
        runtime = Runtime(Database(url), SystemClock(), Random(3), ThreadLanes())

        def found(db: Session):  # type: ignore[no-untyped-def]
            return bootstrap(db, runtime.clock, runtime.new_id)

        tenant = (await runtime.write_system("test", found)).tenant

        def queue(db: Session) -> None:
            jobs.enqueue(db, runtime.clock, runtime.new_id(), "tests.cli.note", {"word": "done"})

        await runtime.write(tenant, queue)
        await runtime.close()
        stop, ready = asyncio.Event(), asyncio.Event()
        working = asyncio.create_task(
            run_worker(settings_for(url, tmp_path), stop, ready, Parts(rng=Random(4)))
        )
        for _ in range(200):
            if DONE or working.done():
                break
            await asyncio.sleep(0.1)
        stop.set()
        await asyncio.wait_for(working, 20)
        assert ready.is_set()
        assert DONE == ["done"]


@pytest.mark.slow
async def test_it_ends_once_it_is_drained(
    tmp_path: Path, postgres_server: str, postgres_template: str
) -> None:
    with temporary_copy(postgres_server, postgres_template) as url:
        runtime = Runtime(Database(url), SystemClock(), Random(3), ThreadLanes())
        settings = settings_for(url, tmp_path)
        queue = settings.queue.model_copy(update={"queues": ["tests"], "heartbeat_s": 0.1})
        settings = settings.model_copy(update={"queue": queue})
        stop, ready = asyncio.Event(), asyncio.Event()
        working = asyncio.create_task(run_worker(settings, stop, ready, Parts(rng=Random(4))))
        await asyncio.wait_for(ready.wait(), 20)

        def drain(db: Session) -> list[str] | None:
            worker = db.scalar(select(Worker))
            if worker is None:
                return None
            worker.draining_since = runtime.clock.now()
            queues: list[str] | None = worker.queues
            return queues

        async with asyncio.timeout(20):
            while (queues := await runtime.write_system("test", drain)) is None:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert queues == ["tests"]
        await asyncio.wait_for(working, 20)
        await runtime.close()


@pytest.mark.slow
async def test_a_queue_that_there_is_not_is_named(
    tmp_path: Path, postgres_server: str, postgres_template: str
) -> None:
    with temporary_copy(postgres_server, postgres_template) as url:
        settings = settings_for(url, tmp_path)
        queue = settings.queue.model_copy(update={"queues": ["trainings"]})
        with pytest.raises(NoSuchQueue, match=r"no queue trainings; there are .*training"):
            await run_worker(settings.model_copy(update={"queue": queue}), asyncio.Event())


@pytest.mark.slow
async def test_a_database_that_was_never_brought_up_is_refused(
    tmp_path: Path, postgres_server: str
) -> None:
    create_database(postgres_server, "never_up")
    settings = settings_for(url_of(postgres_server, "never_up"), tmp_path)
    with pytest.raises(SchemaMissing, match=r"is empty: .*`camel-ext up` or `camel-ext api`"):
        await run_worker(settings, asyncio.Event())


@pytest.mark.slow
async def test_it_is_watched_on_a_port_of_its_own(
    tmp_path: Path,
    postgres_server: str,
    postgres_template: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "camel_ext.watching")
    with temporary_copy(postgres_server, postgres_template) as url:
        settings = settings_for(url, tmp_path)
        knobs = settings.observability.model_copy(update={"metrics_port": 0})
        settings = settings.model_copy(update={"observability": knobs})
        for run in (run_worker, run_scheduler):
            caplog.clear()
            stop, ready = asyncio.Event(), asyncio.Event()
            running = asyncio.create_task(run(settings, stop, ready, Parts(rng=Random(4))))
            await asyncio.wait_for(ready.wait(), 60)
            (said,) = [each for each in caplog.messages if each.startswith("metrics and health at")]
            async with httpx.AsyncClient(base_url=said.split()[-1], timeout=60.0) as client:
                assert (await client.get("/health/ready")).status_code == 200
                assert (await client.get("/metrics")).status_code == 401
            stop.set()
            await asyncio.wait_for(running, 60)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["worker", "scheduler"])
def test_the_option_opens_the_port_of_a_real_process(
    command: str, tmp_path: Path, postgres_server: str, postgres_template: str
) -> None:
    root = Path(__file__).parents[2]
    with temporary_copy(postgres_server, postgres_template) as url:
        environment = os.environ | {
            "CAMEL_EXT_DATABASE__URL": url,
            "CAMEL_EXT_OBSERVABILITY__METRICS_KEY": "a key for scraping alone",
            "PYTHONPATH": os.pathsep.join([str(root), str(root / "clients" / "python")]),
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "camel_ext.cli", command, "--metrics-port", "0",
             "--data-dir", str(tmp_path / "data")],
            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stderr is not None
        try:
            said = next(line for line in process.stderr if "metrics and health at" in line)
            with httpx.Client(base_url=said.split()[-1], timeout=60.0) as client:
                assert client.get("/health/ready").status_code == 200
                key = {"Authorization": "Bearer a key for scraping alone"}
                told = client.get("/metrics", headers=key).text
                assert 'camel_ext_dependency_up{name="database"} 1' in told
            process.terminate()
            process.stderr.read()  # to the end, so that its last words do not hold it up
            assert process.wait(60) == 0
        finally:
            process.kill()
            process.wait()
            process.stderr.close()
