"""The whole at a glance says what is there, of this tenant, in a bounded number of queries."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import insert
from sqlalchemy.orm import Session

from camel_ext.annotations import Annotation, count_judgements
from camel_ext.core.counting import GrowingCounts
from camel_ext.core.database import Database
from camel_ext.core.models import State, WaitingFor
from camel_ext.core.runtime import Runtime
from camel_ext.core.threads import ThreadLanes
from camel_ext.experiments.overview import read_overview
from camel_ext.experiments.schemas_overview import OverviewShown
from camel_ext.interactions import Purpose
from camel_ext.workflows import Run, count_days
from tests.conftest import House
from tests.experiments.route_cases import own
from tests.route_calls import NAME, Owned
from tests.statements import counted
from tests.test_routes import FILES

PATH = "/api/v1/overview"


def a_run(house: House, at: datetime, **fields: Any) -> Run:
    runtime = house.runtime
    given: dict[str, Any] = {
        "id": runtime.new_id(), "workflow": "solve", "workflow_version_id": runtime.new_id(),
        "job_id": runtime.new_id(), "purpose": Purpose.RUN, "state": State.SUCCEEDED,
        "input": {"goal": "Name three rivers."}, "resolved": {}, "budgets": {"max_turns": 12},
        "seed": 1, "single_step": False, "prefix_seq": 0, "tags": [], "turns": 3,
        "prompt_tokens": 100, "completion_tokens": 20, "cost_usd_micros": 7, "running_ms": 5,
        "principal_id": house.owner.principal_id, "trace_id": "0" * 32, "revision": 1,
        "created_at": at, "started_at": at, "finished_at": at,
    }  # fmt: skip
    return Run(**{**given, **fields})


async def add(house: House, *rows: object) -> None:
    await house.runtime.write(house.owner.tenant, lambda db: db.add_all(rows))


async def overview(house: House, **params: Any) -> dict[str, Any]:
    answer = await house.client.get(PATH, params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture
async def looped(house: House) -> Owned:
    """A finished improvement with its certificate and decision."""
    applied = await house.client.put("/api/v1/configurations", json={"files": FILES})
    assert applied.status_code == 200, applied.text
    owned = Owned()
    await own(house, owned)
    return owned


async def test_an_empty_project_is_all_zeros(house: House) -> None:
    shown = await overview(house)
    assert set(shown["loop"].values()) == {0}
    assert shown["certificates"] == shown["workflows"] == []
    assert shown["latest_move"] is None
    assert not any([*shown["under_way"].values(), *shown["waiting"].values()])


async def test_what_goes_on_and_what_waits(house: House) -> None:
    now = house.runtime.clock.now()
    waits = {
        "state": State.WAITING, "waiting_for": WaitingFor.PERSON, "waiting_detail": "send_email?",
        "finished_at": None,
    }  # fmt: skip
    await add(
        house,
        a_run(house, now, state=State.RUNNING, finished_at=None, turns=6),
        a_run(house, now - timedelta(seconds=1), **waits, input={"text": "x" * 999}),
        a_run(house, now, state=State.RUNNING, finished_at=None, purpose=Purpose.EVAL),
        a_run(house, now, purpose=Purpose.SAMPLE),
    )
    shown = await overview(house)
    assert shown["loop"]["runs"] == 2
    first, second = shown["under_way"]["runs"]
    assert (first["title"], first["turns"], first["max_turns"]) == ("Name three rivers.", 6, 12)
    assert second["title"] == "x" * 200
    assert [each["waiting_detail"] for each in shown["waiting"]["runs"]] == ["send_email?"]


async def test_each_workflow_day_by_day(house: House) -> None:
    now = house.runtime.clock.now()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    await add(
        house,
        a_run(house, midnight),
        a_run(house, midnight, state=State.FAILED, cost_usd_micros=1),
        a_run(house, midnight - timedelta(seconds=1), state=State.CANCELLED),
        a_run(house, midnight - timedelta(days=13)),
        a_run(house, midnight - timedelta(days=13, seconds=1)),
        a_run(house, midnight, workflow="other"),
        a_run(house, midnight, purpose=Purpose.EVAL),
    )
    shown = (await overview(house))["workflows"]
    assert [(each["workflow"], each["runs"], each["succeeded"]) for each in shown] == [
        ("solve", 4, 2),
        ("other", 1, 1),
    ]
    days = shown[0]["days"]
    assert [each["runs"] for each in days] == [1, *[0] * 11, 1, 2]
    assert days[-1] == {
        "day": f"{midnight:%Y-%m-%d}", "runs": 2, "succeeded": 1, "tokens": 240,
        "cost_usd_micros": 8,
    }  # fmt: skip
    assert (shown[0]["tokens"], shown[0]["cost_usd_micros"]) == (480, 22)


async def test_days_are_the_askers(house: House) -> None:
    """At 23:30 UTC it is the next day in Berlin."""
    late = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    await add(house, a_run(house, late))

    def day(offset_min: int) -> int:
        def read(db: Session) -> int:
            offset = timedelta(minutes=offset_min)
            return count_days(db, late - timedelta(days=1), offset)[0].day

        return house.runtime.database.read(house.owner.tenant, read)

    assert day(60) == day(0) + 1
    assert day(-60) == day(0)
    assert (await house.client.get(PATH, params={"utc_offset_min": 900})).status_code == 422


async def test_certificates_in_short_and_the_way_back(house: House, looped: Owned) -> None:
    shown = await overview(house)
    assert shown["loop"]["verdicts"] == 1
    assert shown["loop"]["promotions"] == 0
    assert shown["latest_move"] is None, "a refusal moves nothing"
    (proof,) = shown["certificates"]
    assert (proof["name"], proof["verdict"], proof["effect"]) == ("C-0001", "better", 0.475)
    assert proof["interval"] == [0.367, 0.583]
    assert (proof["passed_before"], proof["passed_after"], proof["n"]) == (31, 88, 120)
    assert (proof["guardrails"], proof["guardrails_held"]) == (2, 2)
    assert proof["candidate"] == "smollm2/brief@2"


async def test_it_is_of_this_tenant(house: House, looped: Owned) -> None:
    await add(house, a_run(house, house.runtime.clock.now(), workflow=f"{NAME}-flow"))
    other = await house.as_role("owner", org="other")
    answer = await other.get(PATH)
    assert answer.status_code == 200
    assert NAME not in answer.text
    assert set(answer.json()["loop"].values()) == {0}
    assert (await house.as_key(None).get(PATH)).status_code == 401


async def test_its_queries_are_bounded(house: House, looped: Owned) -> None:
    now, clock = house.runtime.clock.now(), house.runtime.clock
    database = Database(f"sqlite:///{house.data_dir}/camel-ext.db")
    alone = Runtime(database, clock, Random(7), ThreadLanes())  # the worker reads by another
    growing = GrowingCounts()

    async def statements() -> tuple[int, OverviewShown]:
        with counted(alone) as seen:
            shown = await alone.read(house.owner.tenant, read_overview, clock, growing, timedelta())
        return len(seen), shown

    few, _ = await statements()
    rows = [a_run(house, now, state=State.QUEUED, finished_at=None) for _ in range(60)]
    await add(house, *rows, *(a_run(house, now, workflow=f"w{n}") for n in range(30)))
    many, shown = await statements()
    await alone.close()
    assert few == many <= 17
    assert len(shown.under_way.runs) == 20
    assert len(shown.workflows) == 20


async def test_a_growing_table_is_counted_once(house: House) -> None:
    """What was counted is not counted again, and nothing is lost or doubled on the way."""
    growing = GrowingCounts()
    tenant, now = house.owner.tenant, house.runtime.clock.now()

    async def judge(times: int) -> None:
        rows = [
            {
                "id": house.runtime.new_id(), "kind": "thumbs", "judge_kind": "person", "judge": "a",
                "principal_id": house.owner.principal_id, "interaction_ids": [], "stance": "s",
                "value": {}, "blind": False, "created_at": now,
            }
            for _ in range(times)
        ]  # fmt: skip
        await house.runtime.write(tenant, lambda db: db.execute(insert(Annotation), rows) and None)

    for added, total in ((3, 3), (12_000, 12_003), (5, 12_008), (11_000, 23_008), (0, 23_008)):
        if added:
            await judge(added)
        found = await house.runtime.read(tenant, count_judgements, growing)
        assert found == total
    with counted(house.runtime, ("annotations",)) as seen:
        await house.runtime.read(tenant, count_judgements, growing)
    assert len(seen) == 1
    assert "likelihood" in seen[0]
