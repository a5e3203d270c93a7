"""Several API processes on one PostgreSQL: one gapless feed for all clients, whoever is killed."""

import asyncio
from pathlib import Path
from random import Random

import pytest

from camel_ext.app import ApiNeedsPostgres, Parts, create_app
from camel_ext.settings import Settings
from tests.chaos.platform import World, copy_of, make_template
from tests.chaos.watcher import Watcher
from tests.cluster.apis import Api, ready, wrong_between
from tests.faults.trials import FIRST, TRIALS, report
from tests.postgres import create_database, url_of

ROUND_S = 120.0
QUICK = {"CAMEL_EXT_QUEUE__LEASE_S": "1.5", "CAMEL_EXT_QUEUE__HEARTBEAT_S": "0.3"}


async def test_on_sqlite_a_second_server_is_refused(tmp_path: Path) -> None:
    app = create_app(Settings(data_dir=tmp_path / "data"), Parts(rng=Random(1)), alone=False)
    with pytest.raises(ApiNeedsPostgres, match="camel-ext up"):
        async with app.router.lifespan_context(app):
            pass
    assert not (tmp_path / "data").exists()


@pytest.mark.slow
@pytest.mark.xdist_group("chaos")
async def test_clients_of_two_servers_see_one_gapless_feed_while_either_is_killed(
    world: World, postgres_server: str, tmp_path: Path
) -> None:
    """Whoever numbers dies with the rest: API or worker, each of them takes its turn at the lock."""
    create_database(postgres_server, "two_apis")
    url = url_of(postgres_server, "two_apis")
    template = await asyncio.to_thread(make_template, world, tmp_path / "template", url)
    apis = [Api(world, copy_of(template, tmp_path / name), url, QUICK) for name in ("a", "b")]
    working = Api(world, copy_of(template, tmp_path / "w"), url, QUICK)
    rng, kills, rounds = Random(5 + FIRST), 0, 0
    try:
        await ready(*apis)
        working.start_worker()
        while kills < TRIALS:
            rounds += 1
            watchers = [Watcher(api, f"{api.port} {rounds}", [0, 1, 2, 3]) for api in apis]
            watching = asyncio.gather(*(watcher.run() for watcher in watchers))
            async with asyncio.timeout(ROUND_S):
                while kills < TRIALS and not watching.done():
                    await watchers[kills % 2].heard_turn(rng.randint(2, 12))
                    await _kill(apis[kills % 2], working, kills)
                    kills += 1
                await watching
            assert wrong_between(watchers) == []
            ended = [run for watcher in watchers for run in watcher.ended.values()]
            assert [run["state"] for run in ended] == ["succeeded"] * 8
    finally:
        for each in (*apis, working):
            each.kill_all()
    report(trials=TRIALS, kills=kills, runs=8 * rounds)


async def _kill(api: Api, working: Api, number: int) -> None:
    """Kill a server, each third time the worker; it comes back."""
    if number % 3 == 2:
        await asyncio.to_thread(working.workers.pop().kill)
        working.start_worker()
    else:
        await asyncio.to_thread(api.kill_server)
        await ready(api)


@pytest.mark.slow
@pytest.mark.xdist_group("chaos")
async def test_servers_that_start_together_lay_one_foundation(
    world: World, postgres_server: str, tmp_path: Path
) -> None:
    create_database(postgres_server, "together")
    url = url_of(postgres_server, "together")
    apis = [Api(world, tmp_path / name, url) for name in ("a", "b", "c")]
    for api in apis:
        api.data_dir.mkdir()
    try:
        await ready(*apis)
        names = []
        for api in apis:  # each folder has a key of its own, to one organisation
            with api.client() as client:
                names.append(client.get("/api/v1/me").json()["org_id"])
        assert len(set(names)) == 1
    finally:
        for api in apis:
            api.kill_all()
