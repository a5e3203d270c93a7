"""The smaller parts: order, events, reference cache, alarms, failures, checkpoints on a full disk."""

import errno
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors import SafetensorError

from camel_ext.training.files import FileRefused
from camel_ext.training.spec import Loss, Precision, SpecWrong
from camel_ext.training.trainer import checkpoints
from camel_ext.training.trainer.alarms import WINDOW, Alarms
from camel_ext.training.trainer.bases import compute_dtype, load_weights, open_base
from camel_ext.training.trainer.events import EventLog
from camel_ext.training.trainer.failures import TrainingFailed, as_failure, disk_full_named
from camel_ext.training.trainer.reference import ReferenceCache, reference_file
from camel_ext.training.trainer.sampling import PairOrder
from camel_ext.training.trainer.trainers import Seen
from tests.training.trainer.conftest import Jobs

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


class TestOrder:
    def order(self, epoch: int = 0, **options: Any) -> list[int]:
        made = PairOrder([10 * n % 7 for n in range(50)], seed=1, pairs_per_step=4, **options)
        made.set_epoch(epoch)
        assert len(made) == len(list(made))
        return list(made)

    @pytest.mark.parametrize("bucketing", [False, True])
    def test_every_pair_once_and_the_same_again(self, bucketing: bool) -> None:
        first, again, later = (self.order(epoch, bucketing=bucketing) for epoch in (0, 0, 1))
        assert first == again != later
        assert sorted(first) == sorted(later) == list(range(50))

    def test_rows_of_a_pair_stay_together(self) -> None:
        rows = self.order(rows_per_pair=2)
        assert [row // 2 for row in rows[::2]] == self.order()
        assert all(
            row % 2 == 0 and rows[at + 1] == row + 1 for at, row in list(enumerate(rows))[::2]
        )

    def test_bucketing_puts_like_lengths_together(self) -> None:
        lengths = [10 * n % 7 for n in range(50)]

        def spread(order: list[int]) -> int:
            steps = [[lengths[n] for n in order[at : at + 4]] for at in range(0, 48, 4)]
            return sum(max(step) - min(step) for step in steps)

        assert spread(self.order(bucketing=True)) < spread(self.order()) / 2


class TestEvents:
    def test_what_came_later_is_cut_off(self, tmp_path: Path) -> None:
        log = EventLog(tmp_path)
        log.rewind(0)
        log.emit("phase", name="train")
        for step in (1, 2, 3):
            log.emit("step", step=step)
        log.emit("stopped", step=3)
        log.rewind(3)
        path = tmp_path / "events.jsonl"
        assert len(path.read_bytes().splitlines()) == 4
        path.write_bytes(path.read_bytes() + b'{"kind":"st')
        log.rewind(2)
        assert b'"step":2' in path.read_bytes().splitlines()[-1]
        log.rewind(0)
        assert path.read_bytes().count(b"\n") == 1

    def test_a_full_disk(self, tmp_path: Path) -> None:
        (tmp_path / "events.jsonl").symlink_to("/dev/full")
        with pytest.raises(TrainingFailed) as failed:
            EventLog(tmp_path).emit("phase", name="train")
        assert failed.value.code == "disk_full"


class TestReference:
    def test_kept_by_tokens_across_runs(self, tmp_path: Path) -> None:
        path = reference_file(tmp_path, "abc", torch.float32)
        asked: list[int] = []

        def compute() -> list[float]:
            asked.append(1)
            return [-1.1, -2.2]

        for _ in range(2):
            cache = ReferenceCache(path)
            assert cache.logps((1, 2), ((3,), (4, 5)), compute) == [-1.1, -2.2]
            cache.logps((1,), ((2, 3), (4, 5)), compute)
            cache.logps((1, 2), ((3, 4), (5,)), compute)
        assert len(asked) == 3
        assert (cache.hits, cache.misses) == (3, 0)

    def test_a_torn_line_is_one_that_was_not_written(self, tmp_path: Path) -> None:
        path = tmp_path / "r.jsonl"
        ReferenceCache(path).logps((1,), ((2,),), lambda: [-1.0])
        path.write_bytes(path.read_bytes()[:-12])
        ReferenceCache(path).logps((1,), ((3,),), lambda: [-2.0])
        cache = ReferenceCache(path)
        assert cache.logps((1,), ((2,),), lambda: [-1.5]) == [-1.5]
        assert cache.logps((1,), ((3,),), lambda: [0.0]) == [-2.0]

    def test_files_are_of_one_way_of_computing(self, tmp_path: Path) -> None:
        paths = {
            reference_file(tmp_path, base, dtype)
            for base in ("a", "b")
            for dtype in (torch.float32, torch.bfloat16)
        }
        assert len(paths) == 4


class TestAlarms:
    def check(
        self, moved: float, margin: float, steps: int = WINDOW + 3, loss: Loss = Loss.SIGMOID
    ) -> list[str]:
        alarms = Alarms(loss)
        seen = Seen(margins={0: margin, 1: margin}, moved=[moved, moved])
        return [code for _ in range(steps) for code, _ in alarms.check(seen, 0.5, 1.0)]

    def test_silent_when_all_is_well(self) -> None:
        assert self.check(-0.1, 3.0) == []

    def test_each_is_said_once(self) -> None:
        assert self.check(-0.8, 20.0) == ["chosen_falling", "margin_explosion"]

    def test_large_margins_are_where_ipo_goes(self) -> None:
        assert self.check(0.1, 20.0, loss=Loss.IPO) == []

    def test_one_odd_step_is_no_alarm(self) -> None:
        assert self.check(-5.0, 90.0, steps=WINDOW - 1) == []

    @pytest.mark.parametrize(("loss", "norm"), [(math.nan, 1.0), (math.inf, 1.0), (0.5, math.nan)])
    def test_no_number_ends_it(self, loss: float, norm: float) -> None:
        with pytest.raises(TrainingFailed) as failed:
            list(Alarms(Loss.SIGMOID).check(Seen(), loss, norm))
        assert failed.value.code == "loss_not_finite"
        assert "learning rate" in failed.value.advice


class TestFailures:
    @pytest.mark.parametrize(
        "error",
        [
            OSError(errno.ENOSPC, "No space left on device"),
            OSError(errno.EDQUOT, "Disk quota exceeded"),
            OSError("1000000 requested and 262112 written"),
            SafetensorError("Error while serializing: I/O error: No space (os error 28)"),
        ],
    )
    def test_a_full_disk_in_all_its_words(self, error: Exception, tmp_path: Path) -> None:
        assert as_failure(error).code == "disk_full"
        with pytest.raises(TrainingFailed) as failed, disk_full_named("a thing", tmp_path):
            raise error
        assert failed.value.code == "disk_full"
        assert "a thing" in failed.value.detail

    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (SpecWrong("x"), "spec_wrong"),
            (FileRefused("x"), "file_refused"),
            (MemoryError(), "out_of_memory"),
            (RuntimeError("DefaultCPUAllocator: not enough memory: you tried"), "out_of_memory"),
            (ValueError("?"), "internal"),
            (OSError(errno.EACCES, "denied"), "internal"),
        ],
    )
    def test_every_error_is_data(self, error: Exception, code: str) -> None:
        failed = as_failure(error)
        assert (failed.code, bool(failed.advice)) == (code, True)

    def test_other_errors_pass(self, tmp_path: Path) -> None:
        with pytest.raises(PermissionError), disk_full_named("a thing", tmp_path):
            raise PermissionError(errno.EACCES, "denied")


class TestCheckpoints:
    @pytest.fixture
    def parts(self, jobs: Jobs) -> tuple[PeftModel, torch.optim.Optimizer, Any]:
        base = load_weights(open_base(jobs.spec()), torch.float32)
        model = get_peft_model(base, LoraConfig(r=2, target_modules=["q_proj"]))
        trained = [each for each in model.parameters() if each.requires_grad]
        optimizer = torch.optim.AdamW(trained, lr=0.1)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + step))
        for parameter in trained:
            parameter.grad = torch.ones_like(parameter)
        optimizer.step()
        schedule.step()
        return model, optimizer, schedule

    def write_state(self, path: str) -> None:
        Path(path).write_text("{}")

    def test_a_full_disk_loses_nothing(self, parts: Any, tmp_path: Path) -> None:
        def fail(_path: str) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        made = checkpoints.Checkpoint(*parts)
        save: Callable[..., Path] = made.save
        save(tmp_path, 1, write_trainer_state=self.write_state, belongs_to="x")
        with pytest.raises(TrainingFailed, match="checkpoint of step 2"):
            save(tmp_path, 2, write_trainer_state=fail, belongs_to="x")
        assert [path.name for path in tmp_path.iterdir() if "step" in path.name] == ["step-1"]
        assert checkpoints.last_whole(tmp_path, "x") == tmp_path / "step-1"
        assert checkpoints.last_whole(tmp_path, "y") is None

    def test_only_the_last_two_stay(self, parts: Any, tmp_path: Path) -> None:
        for step in (2, 4, 6, 10):
            checkpoints.Checkpoint(*parts).save(
                tmp_path, step, write_trainer_state=self.write_state, belongs_to="x"
            )
        assert {p.name for p in tmp_path.glob("step-*")} == {"step-6", "step-10"}

    def test_hostile_files_are_passed_over(self, parts: Any, tmp_path: Path) -> None:
        checkpoints.Checkpoint(*parts).save(
            tmp_path, 3, write_trainer_state=self.write_state, belongs_to="x"
        )
        (tmp_path / "step-3" / "rng.safetensors").write_bytes(b"\x80\x04cos\nsystem\n")
        assert checkpoints.last_whole(tmp_path, "x") is None


def test_precision_is_what_this_machine_does_well() -> None:
    tiles = torch.cpu._is_amx_tile_supported()
    assert compute_dtype(Precision.AUTO) == (torch.bfloat16 if tiles else torch.float32)
    assert compute_dtype(Precision.BF16) == torch.bfloat16
    assert compute_dtype(Precision.FP32) == torch.float32
