"""A worker's and a scheduler's own port: who may read there, what it says, and a port that is in use."""

import asyncio
import socket
from datetime import datetime
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from camel_ext import rooms
from camel_ext.app import build_worker
from camel_ext.core import jobs
from camel_ext.core.queue import TaskContext, task
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.interactions.months import keep_up
from camel_ext.settings import Observability, Settings
from camel_ext.watching import MetricsPortUnusable, watched

KEY = "a key for scraping alone"
Samples = dict[tuple[str, ...], float]


@task("tests.watching.hold")
async def hold(_context: TaskContext) -> None:
    await GATES[0].wait()


GATES: list[asyncio.Event] = []


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    knobs = Observability(metrics_key=SecretStr(KEY), metrics_port=0)
    return Settings(data_dir=tmp_path / "data", observability=knobs)


async def scrape(client: httpx.AsyncClient) -> dict[str, Samples]:
    answer = await client.get("/metrics", headers={"Authorization": f"Bearer {KEY}"})
    assert answer.status_code == 200, answer.text
    found: dict[str, Samples] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


def at(port: int | None) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60.0)


async def test_a_worker_says_what_it_holds_and_how_long_jobs_took(
    runtime: Runtime, tenant: Tenant, settings: Settings
) -> None:
    GATES[:] = [asyncio.Event()]
    settings.data_dir.mkdir()

    def ask(db: object) -> None:
        jobs.enqueue(db, runtime.clock, runtime.new_id(), "tests.watching.hold", {})  # type: ignore[arg-type]

    await runtime.write(tenant, ask)
    async with rooms.opened(runtime, settings):
        worker = build_worker(runtime, settings, sole=True)
        running = asyncio.create_task(worker.run())
        async with watched(runtime, settings) as port, at(port) as client:
            try:
                async with asyncio.timeout(60):
                    while worker.held == 0:  # noqa: ASYNC110
                        await asyncio.sleep(0.01)
                found = await scrape(client)
                assert found["camel_ext_jobs_held"][()] == 1
                assert found["camel_ext_jobs"]["tests", "running", ""] == 1
                assert found["camel_ext_dependency_up"]["database",] == 1
                assert "camel_ext_jobs_seconds_count" not in found
                GATES[0].set()
                async with asyncio.timeout(60):
                    while worker.held:  # noqa: ASYNC110
                        await asyncio.sleep(0.01)
                found = await scrape(client)
                assert found["camel_ext_jobs_held"][()] == 0
                took = found["camel_ext_jobs_seconds_count"]
                assert took["tests.watching.hold", "succeeded"] == 1
            finally:
                worker.stop()
                await running
    with pytest.raises(httpx.ConnectError):  # it goes with the process
        async with at(port) as client:
            await client.get("/health/live")


async def test_a_process_without_rooms_tells_of_the_queue_to_who_may_know(
    runtime: Runtime, settings: Settings
) -> None:
    settings.data_dir.mkdir()
    async with watched(runtime, settings) as port, at(port) as client:
        for path in ("/health/live", "/health/ready"):
            assert (await client.get(path)).json()["status"] == "ok"
        assert (await client.get("/metrics")).status_code == 401
        found = await scrape(client)
        assert found["camel_ext_jobs_workers"]["live",] == 0
        assert "camel_ext_jobs_held" not in found
        assert (await client.get("/api/v1/runs")).status_code == 404


async def test_on_postgres_it_tells_of_the_months_of_the_log(
    runtime: Runtime, settings: Settings
) -> None:
    settings.data_dir.mkdir()
    async with watched(runtime, settings) as port, at(port) as client:
        assert "camel_ext_log_outside_months" not in await scrape(client)  # nobody looked yet
        if runtime.database.is_sqlite:
            return
        await keep_up(runtime)
        found = await scrape(client)
        assert found["camel_ext_log_outside_months"][()] == 0
        assert found["camel_ext_log_months_left_seconds"][()] > 58 * 86_400


async def test_the_status_tells_how_far_months_are_made_on_postgres_alone(
    runtime: Runtime, settings: Settings
) -> None:
    settings.data_dir.mkdir()
    async with watched(runtime, settings) as port, at(port) as client:
        for looked in (False, True):  # before upkeep, and after it
            months = (await client.get("/api/v1/status")).json()["log_months"]
            if runtime.database.is_sqlite:
                assert months is None
                return
            assert (months["ahead"], months["outside"]) == (2, False)
            until = datetime.fromisoformat(months["until"])
            assert (until.day, until > runtime.clock.now()) == (1, True)
            if not looked:
                await keep_up(runtime)


async def test_by_default_there_is_no_port(runtime: Runtime, tmp_path: Path) -> None:
    async with watched(runtime, Settings(data_dir=tmp_path)) as port:
        assert port is None


async def test_a_port_in_use_is_said_with_the_setting(runtime: Runtime, settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        settings.observability.metrics_port = sock.getsockname()[1]
        with pytest.raises(MetricsPortUnusable, match="CAMEL_EXT_OBSERVABILITY__METRICS_PORT"):
            async with watched(runtime, settings):
                pass
