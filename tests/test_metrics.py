"""`/metrics`: who may read it, what it says, and what it costs."""

import asyncio
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from httpx import AsyncClient
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from camel_ext.core import jobs
from camel_ext.core.runtime import DATABASE, Runtime
from camel_ext.core.tasks import TASKS
from camel_ext.core.tenancy import Tenant
from camel_ext.metrics import read_figures
from camel_ext.observability.measures import Histogram
from camel_ext.settings import Observability, Settings
from tests.conftest import House
from tests.statements import counted

KEY = "a key for scraping alone"
Found = dict[str, dict[tuple[str, ...], float]]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path / "data", observability=Observability(metrics_key=SecretStr(KEY))
    )


async def scrape(client: AsyncClient) -> Found:
    """Return each sample by its name and the values of its labels, in the order of their names."""
    answer = await client.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain")
    found: Found = defaultdict(dict)
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            assert sample.name.startswith(("camel_ext_", "process_"))
            found[sample.name][tuple(sample.labels.values())] = sample.value
    return found


async def test_only_who_operates_the_installation_may_read_it(house: House) -> None:
    assert (await house.as_key(None).get("/metrics")).status_code == 401
    assert (await house.as_key("cx_wrong").get("/metrics")).status_code == 401
    other = await house.as_role("owner", org="elsewhere")
    refused = await other.get("/metrics")
    assert refused.status_code == 403
    assert "camel_ext_jobs" not in refused.text
    viewer = await house.as_role("viewer")  # a key that can change nothing is enough
    assert (await viewer.get("/metrics")).status_code == 200


async def test_the_scraping_key_opens_this_and_nothing_else(house: House) -> None:
    scraper = house.as_key(KEY)
    assert (await scraper.get("/metrics")).status_code == 200
    assert (await scraper.get("/api/v1/runs")).status_code == 401


async def test_it_tells_of_queue_feed_requests_and_dependencies(house: House) -> None:
    runtime, tenant = house.runtime, house.owner.tenant
    later = runtime.clock.now().replace(year=2100)

    def ask(db: Any) -> None:
        for _ in range(3):
            jobs.enqueue(db, runtime.clock, runtime.new_id(), "training.run", {}, run_at=later)

    await runtime.write(tenant, ask)
    await house.client.get("/api/v1/runs/00000000-0000-0000-0000-000000000000")
    await house.client.get("/no-such-page-of-anybody")
    found = await scrape(house.client)
    assert found["camel_ext_jobs"]["training", "queued", ""] == 3
    assert ("training",) not in found["camel_ext_jobs_oldest_due_seconds"]  # not due yet
    assert found["camel_ext_jobs_workers"]["live",] == 1
    assert found["camel_ext_jobs_places"][()] > 0
    assert found["camel_ext_events_lag_seconds"][()] < 60
    assert found["camel_ext_dependency_up"][DATABASE,] == 1
    assert found["camel_ext_dependency_circuit"]["closed", DATABASE] == 1
    assert found["camel_ext_dependency_calls_total"][DATABASE,] > 0
    assert found["camel_ext_database_connections_max"][()] >= 2
    assert found["camel_ext_database_commits_total"][()] > 0
    assert found["process_resident_memory_bytes"][()] > 10**7
    counts = found["camel_ext_http_request_seconds_count"]
    assert counts["GET", "/api/v1/runs/{run_id}", "4xx"] == 1  # by route: ids are without end
    assert counts["GET", "other", "4xx"] + counts.get(("GET", "other", "5xx"), 0) >= 1
    assert not any("no-such-page" in "".join(labels) for labels in counts)


async def test_a_breaker_that_opens_is_seen(house: House) -> None:
    database = house.runtime.dependencies["disk"]
    for _ in range(database.policy.failures or 0):
        database.failed(OSError())
    found = await scrape(house.client)
    assert found["camel_ext_dependency_up"]["disk",] == 0
    assert found["camel_ext_dependency_circuit"]["open", "disk"] == 1
    database.worked()


async def test_ended_and_dead_jobs_and_tokens_show_as_rates(house: House) -> None:
    runtime, tenant = house.runtime, house.owner.tenant
    job_id = runtime.new_id()
    known = dict(TASKS)

    async def nothing(_context: Any) -> None:
        return None

    TASKS["tests.nothing"] = nothing
    try:
        await runtime.write(
            tenant, lambda db: jobs.enqueue(db, runtime.clock, job_id, "tests.nothing", {})
        )
        async with asyncio.timeout(30):
            while True:
                found = await scrape(house.client)
                if found["camel_ext_jobs_ended_per_second"].get(("tests", "succeeded")):
                    break
                await asyncio.sleep(0.05)
    finally:
        TASKS.clear()
        TASKS.update(known)
    assert found["camel_ext_jobs_ended_per_second"]["tests", "succeeded"] == pytest.approx(1 / 300)
    assert found["camel_ext_serving_tokens_per_second"]["completion",] == 0


async def test_a_scrape_costs_six_statements_however_much_there_is(
    runtime: Runtime, tenant: Tenant
) -> None:
    later = runtime.clock.now().replace(year=2100)
    for count in (0, 30):

        def ask(db: Any, count: int = count) -> None:
            for number in range(count):
                kind = f"room{number}.work"
                jobs.enqueue(db, runtime.clock, runtime.new_id(), kind, {}, run_at=later)

        await runtime.write(tenant, ask)
        with counted(runtime, ("SELECT",)) as seen:
            figures = await runtime.read_system("test", read_figures, runtime)
        assert len(seen) == 6, seen
        assert sum(figures.queue.counts.values()) == count


def test_a_histogram_counts_up_to_each_bound() -> None:
    histogram = Histogram()
    for seconds in (0.001, 0.005, 0.03, 99.0):
        histogram.note(seconds)
    counts = dict(histogram.cumulative())
    assert (counts["0.005"], counts["0.05"], counts["10.0"], counts["+Inf"]) == (2, 3, 3, 4)
    assert histogram.sum_s == pytest.approx(99.036)
