"""How a process is: without a key, without a name of anybody's, and without a database, too."""

from httpx import AsyncClient

from camel_ext.core.database import DatabaseUnreachable
from camel_ext.core.runtime import DATABASE, POLICY
from camel_ext.serving import serving_of
from camel_ext.serving.engines.breaker import Breaker
from tests.conftest import House
from tests.fakes.engine import FakeEngine


async def test_it_takes_no_key(house: House) -> None:
    stranger = house.as_key(None)
    for path in ("/health/live", "/health/ready", "/readyz", "/api/v1/status"):
        assert (await stranger.get(path)).status_code == 200
    names = [each["name"] for each in (await stranger.get("/readyz")).json()["dependencies"]]
    assert names == [DATABASE, "Redis", "model endpoints", "disk"]


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


async def test_an_endpoint_that_is_left_alone_degrades_and_is_not_named(
    house: House, client: AsyncClient
) -> None:
    class Provider(FakeEngine):
        breaker = Breaker(house.runtime.clock, who="The endpoint 'secret-name'", threshold=1)

    engine, serving = Provider(), serving_of(house.runtime)
    serving.use(engine, "secret-name")
    from camel_ext.registry import EngineKind
    from camel_ext.serving.stations import Station

    serving._stations["x"] = Station(engine, EngineKind.PROVIDER, "secret-name", 1.0)
    engine.breaker.settle(DatabaseUnreachable(), probe=False)
    answer = await client.get("/api/v1/status")
    told = answer.json()
    seen = next(each for each in told["dependencies"] if each["name"] == "model endpoints")
    assert (told["state"], seen["state"]) == ("degraded", "down")
    assert seen["since"]
    assert "secret-name" not in answer.text
