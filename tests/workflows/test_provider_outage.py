"""A provider of our own, over real sockets, that is killed and comes back: runs park, and go on."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from camel_ext.serving import serving_of
from camel_ext.settings import Queue, Serving, Settings
from camel_ext.workflows.calls import Patience
from camel_ext.workflows.process import workshop_of
from tests.chaos.provider import Provider
from tests.conftest import House
from tests.workflows.conftest import HeldEngine, Sender, Stage, eventually

pytestmark = pytest.mark.slow
RUNS = 8
MODELS = """\
models:
  far: {{engine: provider, url: "{url}", model: scripted-1}}
aliases: {{small: far}}
"""
AGENTS = "agents: {talker: {model: small, system: You talk.}}\n"
WORKFLOWS = """\
workflows:
  talk:
    inputs: {goal: {type: string, default: nothing}}
    steps:
      - {name: first, agent: talker, prompt: "first {{ input.goal }}"}
      - {name: second, agent: talker, prompt: "second {{ steps.first.text }}"}
      - {name: third, agent: talker, prompt: "third {{ steps.second.text }}"}
    output: steps.third.text
"""
Json = dict[str, Any]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path / "data",
        queue=Queue(poll_s=0.05, heartbeat_s=0.05),
        serving=Serving(
            provider_wait_s=0.1, provider_wait_max_s=0.2, provider_tries=500, attempts=2
        ),
    )


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    started = Provider.start(tmp_path)
    yield started
    started.stop()


async def endpoint(house: House) -> Json:
    shown = (await house.client.get("/api/v1/status")).json()["dependencies"]
    return next(each for each in shown if each["name"] == "model endpoints")


def left_alone_shortly(house: House) -> None:
    """Shorten how long the endpoint is left alone, so that the test is."""
    for station in serving_of(house.runtime)._stations.values():
        policy = replace(station.engine.dependency.policy, open_s=0.3)  # type: ignore[attr-defined]
        station.engine.dependency.policy = policy  # type: ignore[attr-defined]


async def test_runs_park_while_it_is_away_and_resume_by_themselves(
    house: House, provider: Provider, tmp_path: Path
) -> None:
    stage = Stage(house, HeldEngine(), Sender())
    files = {"models": MODELS.format(url=provider.url), "agents": AGENTS, "workflows": WORKFLOWS}
    applied = await stage.apply(**files)
    assert applied.status_code == 200, applied.text
    undisturbed = await stage.start("talk", seed=0, input={"goal": "0"})
    reference = await stage.until(undisturbed["id"], "succeeded")
    left_alone_shortly(house)

    begun = [await stage.start("talk", seed=n, input={"goal": str(n)}) for n in range(RUNS // 2)]
    ids = [run["id"] for run in begun]

    async def under_way() -> bool | None:
        return any([await stage.keys(run_id) for run_id in ids]) or None

    await eventually(under_way)
    provider.stop()  # kill -9, in the middle of them
    ids += [
        (await stage.start("talk", seed=n, input={"goal": str(n)}))["id"]
        for n in range(RUNS // 2, RUNS)
    ]

    async def all_parked() -> list[Json] | None:
        runs = [await stage.show(run_id) for run_id in ids]
        open_ones = [run for run in runs if run["state"] != "succeeded"]
        parked = [run for run in open_ones if run["waiting_for"] == "provider"]
        return parked if len(parked) == len(open_ones) else None

    parked = await eventually(all_parked)
    assert len(parked) >= RUNS // 2
    assert all(run["waiting_detail"] for run in parked)
    away = await endpoint(house)
    assert away["state"] == "down"
    assert away["circuit"] in ("open", "half-open")  # the next one that wakes probes
    assert away["refused"] > 0  # left alone: not every run knocks
    kept = {run_id: await stage.turns(run_id) for run_id in ids}

    back = Provider.start(tmp_path, provider.port)
    try:
        ended = [await stage.until(run_id, "succeeded", "failed") for run_id in ids]
    finally:
        back.stop()
    assert {run["state"] for run in ended} == {"succeeded"}
    assert (await endpoint(house))["state"] == "up"
    assert ended[0]["output"] == reference["output"]  # as if nothing had happened
    for run_id in ids:
        turns = await stage.turns(run_id)
        assert len({turn["step_key"] for turn in turns}) == len(turns) == 3
        assert turns[: len(kept[run_id])] == kept[run_id]  # nothing lost, nothing done again
    answered = Counter(call.digest for call in back.calls())
    turns_of_all = 3 * RUNS
    assert len(answered) == turns_of_all, "each turn was asked of it, under its own seed"


async def test_a_run_that_waits_shows_when_it_goes_on_and_may_be_cancelled(
    house: House, provider: Provider
) -> None:
    stage = Stage(house, HeldEngine(), Sender())
    files = {"models": MODELS.format(url=provider.url), "agents": AGENTS, "workflows": WORKFLOWS}
    assert (await stage.apply(**files)).status_code == 200
    provider.stop()
    run = await stage.start("talk")
    await stage.until(run["id"], "waiting", waiting_for="provider")
    answer = await stage.do(run["id"], "cancel")
    assert answer.status_code == 200, answer.text
    assert (await stage.until(run["id"], "cancelled"))["turns"] == 0
    await asyncio.sleep(0.5)  # longer than it would have waited
    assert (await stage.show(run["id"]))["state"] == "cancelled"


async def test_what_waits_for_long_goes_on_as_soon_as_somebody_is_answered(
    house: House, provider: Provider, tmp_path: Path
) -> None:
    """One call of anybody finds that it is back; nobody sits out a pause of minutes."""
    workshop_of(house.runtime).patience = Patience(3600.0, 3600.0, 500)
    stage = Stage(house, HeldEngine(), Sender())
    files = {"models": MODELS.format(url=provider.url), "agents": AGENTS, "workflows": WORKFLOWS}
    assert (await stage.apply(**files)).status_code == 200
    provider.stop()
    ids = [(await stage.start("talk", seed=n))["id"] for n in range(3)]
    for run_id in ids:
        await stage.until(run_id, "waiting", waiting_for="provider")
    left_alone_shortly(house)
    back = Provider.start(tmp_path, provider.port)
    try:
        body = {"model": "small", "messages": [{"role": "system", "content": "You talk."}]}

        async def answered() -> bool | None:
            answer = await house.client.post("/v1/chat/completions", json=body)
            return True if answer.status_code == 200 else None

        await eventually(answered)
        for run_id in ids:
            await stage.until(run_id, "succeeded")
    finally:
        back.stop()
