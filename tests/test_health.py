"""How a process is: without a key, without a name of anybody's, and without a database, too."""

import errno

import psycopg
import pytest
from httpx import AsyncClient
from sqlalchemy import update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from camel_ext.core import jobs
from camel_ext.core.database import DatabaseUnreachable, mapped_errors
from camel_ext.core.dependencies import Dependency, DependencyDown, Policy
from camel_ext.core.disk import DISK
from camel_ext.core.models import Job, State, WaitingFor
from camel_ext.core.runtime import DATABASE, POLICY
from camel_ext.registry import EngineKind
from camel_ext.serving import serving_of
from camel_ext.serving.stations import Station
from tests.conftest import House
from tests.fakes.engine import FakeEngine


async def test_it_takes_no_key(house: House) -> None:
    stranger = house.as_key(None)
    for path in ("/health/live", "/health/ready", "/readyz", "/api/v1/status"):
        assert (await stranger.get(path)).status_code == 200
    shown = (await stranger.get("/readyz")).json()["dependencies"]
    assert [each["name"] for each in shown] == [
        DATABASE, "Redis", "model endpoints", "local models", DISK,
    ]  # fmt: skip
    assert {each["circuit"] for each in shown} == {"closed"}
    assert shown[0]["policy"]["timeout_s"] == house.runtime.dependencies[DATABASE].policy.timeout_s
    assert shown[1]["policy"] is None


async def test_a_database_that_is_away_is_503_with_retry_after_and_told(
    house: House, client: AsyncClient
) -> None:
    database = house.runtime.dependencies[DATABASE]
    database.policy = POLICY  # as a server's; a file would never be left alone
    for _ in range(5):
        database.failed(DatabaseUnreachable())
    refused = await client.get("/api/v1/runs")
    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) >= 1
    assert (await client.get("/health/ready")).status_code == 503
    told = (await client.get("/api/v1/status")).json()
    seen = next(each for each in told["dependencies"] if each["name"] == DATABASE)
    assert (told["state"], seen["state"], seen["error"]) == ("down", "down", "DatabaseUnreachable")
    assert seen["refused"] >= 2
    database.worked()
    assert (await client.get("/api/v1/status")).json()["state"] == "ok"
    assert (await client.get("/api/v1/runs")).status_code == 200


async def test_nobody_is_told_where_a_database_is_that_is_away(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = psycopg.OperationalError('connection to server at "10.9.8.7", port 5432 failed')

    def refuse(*_args: object) -> None:
        with mapped_errors():
            raise OperationalError(None, None, away)

    monkeypatch.setattr(house.runtime.database, "read_system", refuse)
    answer = await house.as_key(None).get("/readyz")
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert "does not answer" in answer.json()["detail"]
    assert "10.9.8.7" not in answer.text
    with pytest.raises(DatabaseUnreachable, match=r"10\.9\.8\.7"):  # logs and terminals are
        refuse()


async def test_a_server_that_asks_no_model_tells_of_jobs_that_wait_for_one(
    house: House, client: AsyncClient
) -> None:
    """Workers ask; what they met stands in the database."""
    assert (await client.get("/api/v1/status")).json()["state"] == "ok"

    def park(db: Session) -> None:
        new_id = house.runtime.new_id()
        jobs.enqueue(db, house.runtime.clock, new_id, "nobody.works", {})
        db.execute(
            update(Job)
            .where(Job.id == new_id)
            .values(state=State.WAITING, waiting_for=WaitingFor.PROVIDER)
        )

    await house.runtime.write(house.owner.tenant, park)
    told = (await client.get("/api/v1/status")).json()
    seen = next(each for each in told["dependencies"] if each["name"] == "models of jobs")
    assert (told["state"], seen["state"]) == ("degraded", "down")
    assert seen["lost"].endswith(": 1")
    ready = await client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["dependencies"][-1]["name"] == "models of jobs"


async def test_an_endpoint_that_is_left_alone_degrades_and_is_not_named(
    house: House, client: AsyncClient
) -> None:
    class Provider(FakeEngine):
        dependency = Dependency(
            house.runtime.clock, "secret-name", Policy(failures=1), lost="it", meanwhile="the rest"
        )

    engine, serving = Provider(), serving_of(house.runtime)
    serving.use(engine, "secret-name")
    serving._stations["x"] = Station(engine, EngineKind.PROVIDER, "secret-name", 1.0)
    engine.dependency.failed(DatabaseUnreachable())
    answer = await client.get("/api/v1/status")
    told = answer.json()
    seen = next(each for each in told["dependencies"] if each["name"] == "model endpoints")
    assert (told["state"], seen["state"]) == ("degraded", "down")
    assert seen["since"]
    assert (seen["circuit"], seen["failed"]) == ("open", 1)
    assert "secret-name" not in answer.text


async def test_an_endpoint_that_failed_once_is_away_before_it_is_left_alone(
    house: House, client: AsyncClient
) -> None:
    class Provider(FakeEngine):
        dependency = Dependency(
            house.runtime.clock, "p", Policy(failures=5), lost="it", meanwhile="the rest"
        )

    engine = Provider()
    serving_of(house.runtime)._stations["x"] = Station(engine, EngineKind.PROVIDER, "p", 1.0)
    engine.dependency.failed(DatabaseUnreachable())
    told = (await client.get("/api/v1/status")).json()
    seen = next(each for each in told["dependencies"] if each["name"] == "model endpoints")
    assert (seen["state"], seen["circuit"], seen["error"]) == (
        "down",
        "closed",
        "DatabaseUnreachable",
    )
    engine.dependency.worked()
    assert (await client.get("/api/v1/status")).json()["state"] == "ok"


async def test_a_disk_that_fails_is_left_alone_and_told(house: House, client: AsyncClient) -> None:
    def broken() -> None:
        raise OSError(errno.EIO, "Input/output error", "/secret/path")

    disk = house.runtime.disk
    for _ in range(disk.dependency.policy.failures or 0):
        with pytest.raises(OSError, match="Input"):
            await disk.run(broken)
    with pytest.raises(DependencyDown, match="is not asked for a moment"):
        await disk.run(broken)
    answer = await client.get("/readyz")
    seen = next(each for each in answer.json()["dependencies"] if each["name"] == DISK)
    assert (seen["state"], seen["circuit"], seen["error"]) == ("down", "open", "OSError")
    assert "/secret/path" not in answer.text
    disk.dependency.worked()
    assert (await client.get("/api/v1/status")).json()["state"] == "ok"
