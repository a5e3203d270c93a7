"""Goal R1 in the tests: fifty trials of kill -9, on SQLite, on PostgreSQL, and of the local engine.

`make chaos kind=server n=500` makes more. The seeds are fixed here: what a machine makes of them differs.
"""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos import trials
from tests.chaos.platform import World, make_template
from tests.chaos.trials import Bench, Result, summary
from tests.postgres import create_database, url_of

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("chaos")]


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with trials.opened() as bench:
        yield bench


async def made(bench: Bench, seeds: range, *, cold: bool = False) -> list[Result]:
    return [await trials.trial(bench, seed, cold=cold) for seed in seeds]


def judge(results: list[Result]) -> None:
    told = summary(results)
    trials.tell(json.dumps(told))
    wrong = {result.seed: result.wrong for result in results if result.wrong}
    assert not wrong, json.dumps(wrong, indent=1)
    assert told["kills"] > len(results)


@pytest.mark.parametrize("first", range(0, 42, 7))
async def test_a_killed_server_goes_on(bench: Bench, first: int) -> None:
    results = await made(bench, range(first, first + 7))
    judge(results)


async def test_a_killed_server_that_starts_cold(bench: Bench) -> None:
    judge(await made(bench, range(900, 902), cold=True))


async def test_killed_servers_and_workers_on_postgres(
    bench: Bench, postgres_server: str, tmp_path: Path
) -> None:
    """The server has a worker, too; two more stand beside it, and leases run out after a second."""
    world: World = bench.world
    names = iter(f"chaos_{number}" for number in range(100))
    first = next(names)
    create_database(postgres_server, first)
    template = await asyncio.to_thread(
        make_template, world, tmp_path / "template", url_of(postgres_server, first)
    )

    def copy() -> str:
        name = next(names)
        create_database(postgres_server, name, first)
        return url_of(postgres_server, name)

    short = {"CAMEL_EXT_QUEUE__LEASE_S": "1.5", "CAMEL_EXT_QUEUE__HEARTBEAT_S": "0.3"}
    postgres = Bench(world, template, bench.stories, 2, short, copy)
    judge(await made(postgres, range(6)))
