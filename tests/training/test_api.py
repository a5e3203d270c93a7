"""The routes of trainings, through the running app where trainers play."""

import shutil
from typing import Any
from uuid import UUID

import pytest

from camel_ext.training.process import EXTRA
from tests.conftest import House
from tests.fakes.launcher import Act, FakeLauncher, steps
from tests.statements import counted
from tests.training.conftest import wait_ended

TRAININGS = "/api/v1/trainings"
WANTED: dict[str, Any] = {
    "name": "brevity",
    "base": "base",
    "dataset": "brevity-pairs",
    "preset": "quick",
}


async def start(house: House, **wanted: Any) -> dict[str, Any]:
    made = await house.client.post(TRAININGS, json={**WANTED, **wanted})
    assert made.status_code == 202, made.text
    found: dict[str, Any] = made.json()
    assert made.headers["location"] == f"{TRAININGS}/{found['id']}"
    return found


class TestStart:
    async def test_one_is_trained_and_its_curve_shown(
        self, house: House, playing: FakeLauncher
    ) -> None:
        playing.acts = [Act(steps(1, 5, 5))]
        asked = await start(house)
        assert (asked["base"], asked["dataset"]) == ("base@1", "brevity-pairs@1")
        shown = await wait_ended(house, asked["id"])
        assert shown["state"] == "succeeded", shown
        assert shown["card"].startswith("---\nbase_model: base\n")
        path = f"{TRAININGS}/{asked['id']}/metrics"
        first = (await house.client.get(path, params={"limit": 3})).json()
        assert [each["step"] for each in first["items"]] == [1, 2, 3]
        assert first["next_after"] == 3
        rest = (await house.client.get(path, params={"after": 3})).json()
        assert [each["step"] for each in rest["items"]] == [4, 5]
        assert rest["next_after"] is None
        assert rest["items"][0]["values"]["margin"] == pytest.approx(0.4)
        events = await house.told(f"training:{asked['id']}", "training.training.finished")
        types = [each["event"] for each in events]
        assert types == ["training.training.started", "training.training.finished"]

    async def test_who_watches_gets_each_step_as_it_is_made(
        self, house: House, playing: FakeLauncher
    ) -> None:
        playing.acts = [Act(steps(1, 2, 4), holds=True)]
        asked = await start(house)
        stream = f"/api/v1/events/streams/{asked['id']}"
        text = ""
        while '"step":2' not in text:
            await house.runtime.clock.sleep(0.02)
            text = (await house.client.get(stream)).json().get("text", "")
        assert '"kind":"step"' in text
        await house.client.post(f"{TRAININGS}/{asked['id']}/cancel")
        assert (await wait_ended(house, asked["id"]))["state"] == "cancelled"

    async def test_the_same_key_starts_one(self, house: House, playing: FakeLauncher) -> None:
        headers = {"Idempotency-Key": "k"}
        made = [await house.client.post(TRAININGS, json=WANTED, headers=headers) for _ in range(2)]
        assert made[0].json()["id"] == made[1].json()["id"]

    async def test_an_alias_of_one_model_will_do(self, house: House, playing: FakeLauncher) -> None:
        assert (await start(house, base="small"))["base"] == "base@1"

    @pytest.mark.parametrize(
        ("wanted", "status", "code"),
        [
            ({"base": "nobody"}, 404, "registry.alias_unknown"),
            ({"base": "base@9"}, 404, "registry.version_unknown"),
            ({"dataset": "nothing"}, 404, "datasets.dataset_unknown"),
            ({"preset": "best"}, 422, "training.hyper_invalid"),
            ({"hyper": {"grad_accum": 3}}, 422, "training.hyper_invalid"),
            ({"hyper": {"max_length": 100}}, 422, "training.hyper_invalid"),
            ({"hyper": {"beta": 0}}, 422, "core.invalid"),
            ({"hyper": {"betta": 1}}, 422, "core.invalid"),
            ({"hyper": {"target_modules": ["lm_head"]}}, 422, "training.hyper_invalid"),
            ({"hyper": {"seed": 1}}, 422, "core.invalid"),
            ({"name": "versions"}, 422, "core.invalid"),
            ({"name": "../x"}, 422, "core.invalid"),
            ({"dataset": None}, 422, "core.invalid"),
        ],
    )
    async def test_what_cannot_be_trained_is_said(
        self, house: House, playing: FakeLauncher, wanted: dict[str, Any], status: int, code: str
    ) -> None:
        answer = await house.client.post(TRAININGS, json={**WANTED, **wanted})
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text

    async def test_an_adapter_is_no_base(self, house: House, playing: FakeLauncher) -> None:
        asked = await start(house)
        await wait_ended(house, asked["id"])
        answer = await house.client.post(TRAININGS, json={**WANTED, "base": "base/brevity"})
        assert answer.json()["code"] == "training.base_unfit"
        assert "name 'base'" in answer.json()["detail"]

    async def test_without_torch_it_is_refused_and_says_what_to_do(
        self, house: House, playing: FakeLauncher
    ) -> None:
        yard = house.runtime.extras[EXTRA]
        yard.python = house.data_dir / "nothing" / "bin" / "python"
        answer = await house.client.post(TRAININGS, json=WANTED)
        assert (answer.status_code, answer.json()["code"]) == (503, "training.environment_missing")
        assert "camel-ext train setup" in answer.json()["detail"]
        shown = (await house.client.get(f"{TRAININGS}/environment")).json()
        assert shown["ready"] is False
        assert "camel-ext train setup" in shown["advice"]


class TestList:
    async def test_by_state_and_without_long_texts(
        self, house: House, playing: FakeLauncher
    ) -> None:
        asked = await start(house)
        await wait_ended(house, asked["id"])
        page = (await house.client.get(TRAININGS, params={"state": "succeeded"})).json()
        assert [each["id"] for each in page["items"]] == [asked["id"]]
        assert not {"card", "result", "preflight", "console_tail"} & page["items"][0].keys()
        none = (await house.client.get(TRAININGS, params={"state": "failed"})).json()
        assert none["items"] == []

    async def test_queries_do_not_grow_with_rows(self, house: House, playing: FakeLauncher) -> None:
        house.runtime.extras[EXTRA].slots = 0
        with counted(house.runtime, ("training_jobs",)) as one:
            await house.client.get(TRAININGS)
        for _ in range(3):
            await start(house)
        with counted(house.runtime, ("training_jobs",)) as four:
            await house.client.get(TRAININGS)
        assert len(four) == len(one)


class TestResume:
    async def test_only_what_failed_or_was_cancelled_goes_on(
        self, house: House, playing: FakeLauncher
    ) -> None:
        asked = await start(house)
        await wait_ended(house, asked["id"])
        answer = await house.client.post(f"{TRAININGS}/{asked['id']}/resume")
        assert (answer.status_code, answer.json()["code"]) == (
            409,
            "training.training_state_unfit",
        )


async def test_the_tables_are_shown(house: House) -> None:
    presets = (await house.client.get(f"{TRAININGS}/presets")).json()
    assert presets["default"] in [each["name"] for each in presets["items"]]
    assert all(each["hyper"]["beta"] for each in presets["items"])
    table = (await house.client.get(f"{TRAININGS}/hyper")).json()["items"]
    beta = next(each for each in table if each["name"] == "beta")
    assert beta["default"] == 0.1
    assert "2305.18290" in beta["source"]
    assert beta["range"] == "> 0, <= 10"


async def test_a_console_is_read_to_its_end(house: House, playing: FakeLauncher) -> None:
    playing.acts = [Act(steps(1, 2, 2), console="loading\n50%\r100%\n")]
    asked = await start(house)
    await wait_ended(house, asked["id"])
    path, told, after = f"{TRAININGS}/{asked['id']}/console", "", 0
    while after is not None:
        part = (await house.client.get(path, params={"after": after})).json()
        told, after = told + part["text"], part["next_after"]
    assert told == "loading\n50%\n100%\n"
    shutil.rmtree(house.runtime.extras[EXTRA].folder(UUID(asked["id"])))
    kept = (await house.client.get(path)).json()
    assert (kept["text"].splitlines()[0], kept["next_after"]) == ("loading", None)
    assert (await house.client.get(path, params={"after": -1})).status_code == 422
