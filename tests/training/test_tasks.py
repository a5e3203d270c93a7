"""A training from its row to its adapter: steps once, restarts, cancel, failures as data, slots."""

import asyncio
import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest

from camel_ext.core.models import Job, State
from camel_ext.registry import find_target, resolve_version
from camel_ext.training import PRESETS, MetricKind, resume_training
from camel_ext.training.spec import EXIT_FAILED, read_pairs, read_spec
from tests.fakes.launcher import Act, failed, steps
from tests.training.conftest import Shop

CHECKPOINT = {"kind": "checkpoint", "step": 2, "path": "checkpoints/step-2", "size_bytes": 1}


class TestWhole:
    async def test_an_adapter_comes_of_it(self, shop: Shop) -> None:
        looked = {"kind": "eval", "step": 3, "loss": 0.5, "accuracy": 1.0, "margin": 0.3}
        alarm = {"kind": "alarm", "code": "chosen_falling", "words": "They fall.", "step": 2}
        phase = {"kind": "phase", "name": "train"}
        shop.plays(Act([phase, *steps(1, 3, 3), alarm, alarm, looked], console="\n\nall\0 good\n"))
        asked = await shop.start(seed=7)
        async with shop.working():
            training = await shop.ended(asked.id)
        assert training.state == State.SUCCEEDED, training.error_detail
        assert training.progress["step"] == training.progress["steps"] == 3
        assert training.progress_ratio == 1.0
        assert training.console_tail == "all good"
        assert await shop.points(asked.id) == [1, 2, 3]
        assert await shop.points(asked.id, MetricKind.EVAL) == [3]
        assert [each["code"] for each in training.alarms] == ["chosen_falling"]

        version = await shop.read(find_target, "base/brevity")
        assert version.id == training.adapter_version_id
        model = await shop.read(resolve_version, version.id)
        assert model.adapter is not None
        assert model.name == "base"
        path = shop.yard.models_dir / model.adapter.file
        assert hashlib.sha256(path.read_bytes()).hexdigest() == model.adapter.sha256
        assert {each.name for each in path.parent.iterdir()} == {
            "adapter.gguf", "adapter_model.safetensors", "adapter_config.json", "README.md",
        }  # fmt: skip
        assert training.result is not None
        assert set(training.result["files"]) == {
            "adapter.gguf", "adapter_model.safetensors", "adapter_config.json",
        }  # fmt: skip
        left = {each.name for each in shop.yard.folder(training.id).iterdir()}
        assert left == {"spec.json", "events.jsonl", "console.log"}

    async def test_the_trainer_gets_base_pairs_and_all_hyper_parameters(self, shop: Shop) -> None:
        shop.plays(Act(holds=True))
        asked = await shop.start(seed=7, hyper={"beta": 0.3})
        async with shop.working():
            await shop.until(asked.id, lambda _: bool(shop.launcher.started))
            folder = shop.yard.folder(asked.id)
            spec, pairs = read_spec(folder), read_pairs(folder)
        base = (shop.yard.models_dir / "base.gguf").read_bytes()
        assert spec.base.sha256 == hashlib.sha256(base).hexdigest()
        assert spec.hyper == replace(PRESETS["quick"].hyper, beta=0.3, seed=7)
        assert len(pairs) == 6
        assert sum(pair.split == "eval" for pair in pairs) == 1
        assert pairs[0].chosen == [{"role": "assistant", "content": "Number 0."}]

    async def test_the_card_tells_the_lineage(self, shop: Shop) -> None:
        asked = await shop.start()
        async with shop.working():
            training = await shop.ended(asked.id)
        card = training.card
        assert card is not None
        assert training.result is not None
        kept = shop.yard.models_dir / training.result["file"]
        assert kept.with_name("README.md").read_text() == card
        for said in (
            "# base/brevity", training.dataset_hash, training.spec_hash, "brevity-pairs@1",
            "length / (b>: 6", training.result["files"]["adapter.gguf"]["sha256"],
            f"| `learning_rate` | {PRESETS['quick'].hyper.learning_rate:g} | 0.0002 |",
        ):  # fmt: skip
            assert said in card, said
        assert "<b>" not in card

    async def test_the_same_again_is_the_same_version(self, shop: Shop) -> None:
        first, second = await shop.start(), await shop.start()
        async with shop.working():
            one, two = await shop.ended(first.id), await shop.ended(second.id)
        assert one.spec_hash == two.spec_hash
        assert one.adapter_version_id == two.adapter_version_id is not None

    async def test_a_look_trains_nothing(self, shop: Shop) -> None:
        found = {"kind": "preflight", "pairs": 5, "memory_bytes": 10**18, "first_batch": []}
        shop.plays(Act([found]))
        asked = await shop.start(dry_run=True)
        async with shop.working():
            training = await shop.ended(asked.id)
        assert training.state == State.SUCCEEDED
        assert training.preflight is not None
        assert training.preflight["pairs"] == 5
        assert training.preflight["memory_free_bytes"] > 0
        assert [each["code"] for each in training.alarms] == ["memory_short"]
        assert training.adapter_version_id is None
        assert shop.launcher.started[0][1:] == (True, True)


class TestDeath:
    async def test_a_trainer_that_dies_is_started_again_and_no_step_is_repeated(
        self, shop: Shop
    ) -> None:
        dies = Act([*steps(1, 2, 4), CHECKPOINT, *steps(3, 3, 4)], code=-9)
        goes_on = Act(steps(3, 4, 4), cut_to=3)
        shop.plays(dies, goes_on)
        asked = await shop.start()
        async with shop.working():
            training = await shop.ended(asked.id)
        assert training.state == State.SUCCEEDED
        assert await shop.points(asked.id) == [1, 2, 3, 4]
        assert len(shop.launcher.started) == 2
        assert training.progress["checkpoint_step"] == 2

    async def test_one_that_never_gets_further_fails_with_its_last_words(self, shop: Shop) -> None:
        shop.plays(Act(steps(1, 1, 4), code=-9, console="Killed process 12"))
        asked = await shop.start()
        async with shop.working():
            training = await shop.ended(asked.id)
        assert training.state == State.FAILED
        assert training.error_code == "training.trainer_lost"
        assert training.error_detail is not None
        assert "3 trainers in turn" in training.error_detail
        assert training.error_advice is not None
        assert "grad_accum" in training.error_advice
        assert training.console_tail == "Killed process 12"
        assert len(shop.launcher.started) == 3
        assert await shop.points(asked.id) == [1]

    async def test_a_done_trainer_without_a_result_counts_as_dead(self, shop: Shop) -> None:
        shop.plays(Act(result=False))
        asked = await shop.start()
        async with shop.working():
            training = await shop.ended(asked.id)
        assert training.error_code == "training.trainer_lost"
        assert "exit code 0" in str(training.error_detail)

    async def test_a_worker_that_stops_gives_it_back_and_the_next_goes_on(self, shop: Shop) -> None:
        shop.plays(Act(steps(1, 2, 4), holds=True), Act(steps(2, 4, 4), cut_to=1))
        asked = await shop.start()
        async with shop.working():
            await shop.until(asked.id, lambda training: training.progress.get("step") == 2)
        assert shop.launcher.trainers[0].stopped_with is not None
        assert (await shop.get(asked.id)).state == State.RUNNING
        async with shop.working():
            training = await shop.ended(asked.id)
        assert training.state == State.SUCCEEDED
        assert await shop.points(asked.id) == [1, 2, 3, 4]

    async def test_steps_that_nobody_read_before_the_death_are_not_lost(self, shop: Shop) -> None:
        asked = await shop.start()
        folder = shop.yard.folder(asked.id)
        folder.mkdir(parents=True)
        lines = [json.dumps({"at": 1.0, **each}) for each in steps(1, 2, 4)]
        (folder / "events.jsonl").write_text("\n".join(lines) + "\n")
        shop.plays(Act(steps(3, 4, 4)))
        async with shop.working():
            await shop.ended(asked.id)
        assert await shop.points(asked.id) == [1, 2, 3, 4]


class TestFailure:
    async def test_what_the_trainer_says_is_data_on_the_row(self, shop: Shop) -> None:
        loss = failed("loss_not_finite", "The loss became nan.", "Halve the learning rate.")
        shop.plays(Act([*steps(1, 2, 4), loss], code=EXIT_FAILED, console="a\nb"))
        asked = await shop.start()
        async with shop.working():
            training = await shop.ended(asked.id)
            job = await shop.read(lambda db: db.get_one(Job, training.job_id))
        assert training.state == State.FAILED
        assert training.error_code == "training.loss_not_finite"
        assert training.error_detail == "The loss became nan."
        assert training.error_advice == "Halve the learning rate."
        assert training.console_tail == "a\nb"
        assert len(shop.launcher.started) == 1
        assert job.state in (State.RUNNING, State.SUCCEEDED)  # the job has done what it should

    async def test_it_can_go_on_where_it_was(self, shop: Shop) -> None:
        full = failed("disk_full")
        shop.plays(Act([*steps(1, 2, 4), full], code=EXIT_FAILED), Act(steps(3, 4, 4), cut_to=2))
        asked = await shop.start()
        async with shop.working():
            await shop.ended(asked.id)
            clock, new_id = shop.runtime.clock, shop.runtime.new_id
            again = await shop.write(resume_training, clock, new_id, asked.id)
            assert (again.state, again.error_code) == (State.QUEUED, None)
            training = await shop.ended(asked.id)
        assert training.state == State.SUCCEEDED
        assert await shop.points(asked.id) == [1, 2, 3, 4]

    @pytest.mark.parametrize(
        ("spoil", "code"),
        [
            (lambda path: path.unlink(), "serving.model_file_missing"),
            (lambda path: path.write_bytes(b"PK\x03\x04"), "training.file_refused"),
        ],
    )
    async def test_a_base_that_is_missing_or_no_model_is_said(
        self, shop: Shop, spoil: Any, code: str
    ) -> None:
        spoil(shop.yard.models_dir / "base.gguf")
        asked = await shop.start()
        async with shop.working():
            training = await shop.ended(asked.id)
        assert (training.state, training.error_code) == (State.FAILED, code)
        assert not shop.launcher.started

    async def test_an_adapter_that_is_not_what_was_said_is_not_kept(self, shop: Shop) -> None:
        wrong = {"kind": "result", "files": {"adapter.gguf": {"sha256": "0" * 64}}}
        shop.plays(Act([wrong], result=False))
        asked = await shop.start()
        async with shop.working():
            training = await shop.ended(asked.id)
        assert training.error_code == "training.result_wrong"
        assert not (shop.yard.models_dir / "adapters").exists()


class TestCancel:
    async def test_a_running_one_is_asked_to_leave_a_checkpoint(self, shop: Shop) -> None:
        shop.plays(Act(steps(1, 2, 4), holds=True))
        asked = await shop.start()
        async with shop.working():
            await shop.until(asked.id, lambda training: training.progress.get("step") == 2)
            await shop.cancel(asked.id)
            training = await shop.ended(asked.id)
        assert training.state == State.CANCELLED
        assert shop.launcher.trainers[0].stopped_with == shop.yard.stop_s
        assert await shop.points(asked.id) == [1, 2]

    async def test_a_queued_one_ends_at_once(self, shop: Shop) -> None:
        asked = await shop.start()
        assert (await shop.cancel(asked.id)).state == State.CANCELLED
        async with shop.working():
            await asyncio.sleep(0.1)
        assert not shop.launcher.started


class TestSlots:
    async def test_no_more_train_at_once_than_there_are_slots(self, shop: Shop) -> None:
        shop.plays(Act(holds=True), Act(holds=True), Act(steps(1, 1, 1)))
        low = await shop.start(name="low", priority=-1)
        first = await shop.start(name="first")
        second = await shop.start(name="second")
        async with shop.working(slots=2):
            await shop.until(second.id, lambda _: len(shop.launcher.started) == 2)
            await asyncio.sleep(0.2)
            assert len(shop.launcher.started) == 2
            assert (await shop.get(low.id)).state == State.QUEUED
            await shop.cancel(first.id)
            await shop.ended(low.id)
            await shop.cancel(second.id)
            await shop.ended(second.id)

    async def test_a_worker_without_slots_leaves_them_to_others(self, shop: Shop) -> None:
        asked = await shop.start()
        async with shop.working(slots=0):
            await asyncio.sleep(0.2)
        assert (await shop.get(asked.id)).state == State.QUEUED
