"""Forks: a logged call asked again from the identical prompt; and runs with a purpose and pinned models."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from camel_ext.core.queue import TASKS
from camel_ext.interactions import list_candidates, read_said
from camel_ext.serving import EngineRefused, EngineUnavailable
from camel_ext.workflows import cost_of_fork
from camel_ext.workflows.forks import TASK
from camel_ext.workflows.process import workshop_of
from tests.fakes.engine import tool_call
from tests.jobs.repeating import broken, repeated
from tests.workflows.conftest import MODELS, Stage, eventually

Json = dict[str, Any]


async def turn_of(stage: Stage, workflow: str = "talk", **more: Any) -> tuple[Json, str]:
    """A finished run, and the call of its first turn."""
    run = await stage.start(workflow, **more)
    run = await stage.until(run["id"], "succeeded")
    turns = await stage.turns(run["id"])
    return run, next(turn["interaction_id"] for turn in turns if turn["interaction_id"])


async def fork(stage: Stage, interaction_id: str, **more: Any) -> Json:
    body = {"interaction_id": interaction_id, **more}
    answer = await stage.client.post("/api/v1/forks", json=body)
    assert answer.status_code == 202, answer.text
    fork_id = answer.json()["id"]

    async def ended() -> Json | None:
        shown: Json = (await stage.client.get(f"/api/v1/forks/{fork_id}")).json()
        return shown if shown["state"] in ("succeeded", "failed", "cancelled") else None

    found: Json = await eventually(ended)
    return found


async def candidates(stage: Stage, interaction_id: str) -> list[Any]:
    def read(db: Session) -> list[Any]:
        return list_candidates(db, UUID(interaction_id))

    runtime, owner = stage.house.runtime, stage.house.owner
    found: list[Any] = await runtime.read(owner.tenant, read)
    return found


async def said(stage: Stage, ids: list[UUID]) -> list[bytes]:
    def read(db: Session) -> list[bytes]:
        return [read_said(db, each).prompt for each in ids]

    runtime, owner = stage.house.runtime, stage.house.owner
    found: list[bytes] = await runtime.read(owner.tenant, read)
    return found


async def test_answers_share_the_very_prompt_and_name_what_they_are_another_try_of(
    stage: Stage,
) -> None:
    _, interaction_id = await turn_of(stage, tags=["topic:tea"])
    made = await fork(stage, interaction_id, samples=3, seed=5)
    assert (made["state"], made["total"], made["done"], made["failed"]) == ("succeeded", 3, 3, 0)
    family = await candidates(stage, interaction_id)
    assert len(family) == 4
    assert len({each.prompt_hash for each in family}) == 1
    assert len(set(await said(stage, [each.id for each in family]))) == 1
    original, *samples = family
    assert [each.purpose for each in family] == ["run", "sample", "sample", "sample"]
    assert {each.forked_from_id for each in samples} == {original.id}
    assert all(each.tags == ["topic:tea"] for each in samples)


async def test_each_answer_has_a_seed_of_its_own_and_the_same_fork_seed_gives_the_same(
    stage: Stage,
) -> None:
    _, interaction_id = await turn_of(stage)
    before = len(stage.engine.calls)
    for _ in range(2):
        await fork(stage, interaction_id, samples=3, seed=5, variants=[{"temperature": 0.9}])
    calls = stage.engine.calls[before:]
    assert {call.params["temperature"] for call in calls} == {0.9}
    seeds = [call.params["seed"] for call in calls]
    assert sorted(seeds[:3]) == sorted(seeds[3:])
    assert len(set(seeds)) == 3


async def test_what_its_answers_cost_is_summed(stage: Stage) -> None:
    _, asked = await turn_of(stage)
    one, other = await fork(stage, asked, samples=3), await fork(stage, asked, samples=1)
    runtime, tenant = stage.house.runtime, stage.house.owner.tenant
    paid = await runtime.read(tenant, cost_of_fork, UUID(one["id"]))
    assert paid == 3 * await runtime.read(tenant, cost_of_fork, UUID(other["id"])) > 0
    assert await runtime.read(tenant, cost_of_fork, UUID(int=1)) == 0


async def test_no_tool_is_called(stage: Stage) -> None:
    _, interaction_id = await turn_of(stage, "act")
    sent = list(stage.sender.sent)
    stage.engine.answer = lambda _request: tool_call("send", '{"what": "more"}')
    made = await fork(stage, interaction_id, samples=2)
    assert made["done"] == 2
    assert stage.sender.sent == sent


async def test_what_a_model_refuses_is_counted_and_the_rest_is_kept(stage: Stage) -> None:
    _, interaction_id = await turn_of(stage)
    stage.engine.then(EngineRefused("too long"), "fine", "fine too")
    made = await fork(stage, interaction_id, samples=3)
    assert (made["state"], made["done"], made["failed"]) == ("succeeded", 2, 1)
    stage.engine.then(EngineRefused("no"), EngineRefused("no"))
    made = await fork(stage, interaction_id, samples=2)
    assert (made["state"], made["done"], made["failed"]) == ("failed", 0, 2)
    assert made["error_code"]


async def test_a_model_that_is_away_is_waited_for_and_nothing_is_asked_twice(stage: Stage) -> None:
    _, interaction_id = await turn_of(stage)
    stage.engine.then("one", "two", EngineUnavailable("down"))
    made = await fork(stage, interaction_id, samples=5)
    assert (made["state"], made["done"]) == ("succeeded", 5)
    good = [each for each in await candidates(stage, interaction_id) if each.error_code is None]
    assert len(good) == 6


async def test_a_model_that_stays_away_ends_the_fork_and_what_it_has_stays(stage: Stage) -> None:
    _, interaction_id = await turn_of(stage)
    patience = workshop_of(stage.house.runtime).patience
    stage.engine.then("one", *[EngineUnavailable("down")] * 99)
    made = await fork(stage, interaction_id, samples=3)
    assert (made["state"], made["done"]) == ("failed", 1)
    assert made["error_code"] == "serving.engine_unavailable"
    assert f"away {patience.tries} times in a row" in made["error_detail"]


async def test_another_length_takes_the_place_of_the_old_one_by_whatever_name(
    stage: Stage,
) -> None:
    asked = {"model": "small", "messages": [{"role": "user", "content": "hi"}]}
    answer = await stage.client.post(
        "/v1/chat/completions", json=asked | {"max_completion_tokens": 9}
    )
    assert answer.status_code == 200, answer.text
    listed = (await stage.client.get("/api/v1/interactions")).json()["items"]
    for variants, kept in (
        ([{}], {"max_completion_tokens": 9}),
        ([{"max_tokens": 5}], {"max_tokens": 5}),
    ):
        made = await fork(stage, listed[0]["id"], samples=1, variants=variants)
        assert made["state"] == "succeeded"
        params = stage.engine.calls[-1].params
        assert {name: value for name, value in params.items() if "tokens" in name} == kept


async def test_a_try_at_a_try_is_one_at_the_first(stage: Stage) -> None:
    _, interaction_id = await turn_of(stage)
    await fork(stage, interaction_id, samples=1)
    sample = (await candidates(stage, interaction_id))[1]
    await fork(stage, str(sample.id), samples=1)
    family = await candidates(stage, interaction_id)
    assert [each.forked_from_id for each in family[1:]] == [family[0].id] * 2


async def test_a_try_at_what_is_held_out_is_held_out_too(stage: Stage) -> None:
    _, interaction_id = await turn_of(stage, purpose="eval")
    await fork(stage, interaction_id, samples=1)
    assert [each.purpose for each in await candidates(stage, interaction_id)] == ["eval", "eval"]


async def test_a_cancelled_fork_keeps_what_it_has(stage: Stage) -> None:
    _, interaction_id = await turn_of(stage)
    stage.engine.free.clear()
    before = stage.engine.arrived
    body = {"interaction_id": interaction_id, "samples": 3}
    started = (await stage.client.post("/api/v1/forks", json=body)).json()

    async def asking() -> bool | None:
        return True if stage.engine.arrived == before + 3 else None

    async def ended() -> Json | None:
        shown: Json = (await stage.client.get(f"/api/v1/forks/{started['id']}")).json()
        return shown if shown["state"] == "cancelled" else None

    await eventually(asking)
    await stage.client.post(f"/api/v1/forks/{started['id']}/cancel")
    found = await eventually(ended)
    stage.engine.free.set()
    assert (found["done"], found["failed"], found["error_code"]) == (0, 0, None)


async def test_what_cannot_be_forked_is_said(stage: Stage) -> None:
    nothing = {"interaction_id": "01930000-0000-7000-8000-000000000000"}
    assert (await stage.client.post("/api/v1/forks", json=nothing)).status_code == 404
    _, interaction_id = await turn_of(stage)
    unknown = {"interaction_id": interaction_id, "variants": [{"model": "nothing"}]}
    assert (await stage.client.post("/api/v1/forks", json=unknown)).status_code == 404
    many = {"interaction_id": interaction_id, "samples": 65}
    assert (await stage.client.post("/api/v1/forks", json=many)).status_code == 422


class TestPurpose:
    async def test_interactions_carry_the_purpose_of_their_run(self, stage: Stage) -> None:
        run, interaction_id = await turn_of(stage, purpose="eval")
        assert run["purpose"] == "eval"
        (found,) = await candidates(stage, interaction_id)
        assert found.purpose == "eval"

    async def test_a_retry_keeps_the_purpose(self, stage: Stage) -> None:
        run, _ = await turn_of(stage, purpose="eval")
        again = (await stage.do(run["id"], "retry", {})).json()
        assert again["purpose"] == "eval"

    async def test_other_purposes_are_not_for_runs(self, stage: Stage) -> None:
        body = {"workflow": "talk", "purpose": "shadow"}
        assert (await stage.client.post("/api/v1/runs", json=body)).status_code == 422


class TestPinnedModels:
    async def test_an_alias_stands_for_something_else_in_one_run(self, stage: Stage) -> None:
        await stage.apply(
            **{"models": MODELS.replace("aliases:", OTHER), "agents": AGENTS, "workflows": FLOW}
        )
        usual, _ = await turn_of(stage)
        pinned, _ = await turn_of(stage, models={"small": "other"})
        by_id, _ = await turn_of(
            stage, models={"small": pinned["resolved"]["models"]["small"]["version_id"]}
        )
        assert usual["resolved"]["models"]["small"]["name"] == "scripted"
        assert pinned["resolved"]["models"]["small"]["name"] == "other"
        assert by_id["resolved"] == pinned["resolved"]

    @pytest.mark.parametrize(
        ("models", "status", "code"),
        [
            ({"samll": "scripted"}, 422, "workflows.model_not_used"),
            ({"small": "nothing"}, 404, "registry.model_unknown"),
            ({"small": "scripted@9"}, 404, "registry.version_unknown"),
        ],
    )
    async def test_what_cannot_stand_for_it_is_said(
        self, stage: Stage, models: Json, status: int, code: str
    ) -> None:
        answer = await stage.client.post(
            "/api/v1/runs", json={"workflow": "talk", "models": models}
        )
        assert (answer.status_code, answer.json()["code"]) == (status, code)


OTHER = """\
  other: {engine: provider, url: "http://127.0.0.1:9/v1", model: other-1}
aliases:
"""
AGENTS = "agents: {talker: {model: small, system: You talk.}}\n"
FLOW = """\
workflows:
  talk:
    steps: [{name: first, agent: talker, prompt: first}]
"""


async def test_a_failed_one_is_queued_again_by_its_job(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, interaction_id = await turn_of(stage)
    with monkeypatch.context() as patched:
        patched.setitem(TASKS, TASK, broken)
        first = await fork(
            stage, interaction_id, samples=2, variants=[{"temperature": 0.9}], seed=5
        )
    assert first["state"] == "failed"
    fork_id = (await repeated(stage.client, fork_id=first["id"]))["fork_id"]

    async def ended() -> Json | None:
        shown: Json = (await stage.client.get(f"/api/v1/forks/{fork_id}")).json()
        return shown if shown["state"] in ("succeeded", "failed") else None

    second: Json = await eventually(ended)
    assert (second["state"], second["done"]) == ("succeeded", 2)
    asked = ("interaction_id", "wanted", "seed", "total")
    assert {name: second[name] for name in asked} == {name: first[name] for name in asked}
