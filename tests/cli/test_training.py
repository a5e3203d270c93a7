"""The group `train`, over a real server where trainers play."""

import json
import time
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from camel_ext.cli.curves import Seen, picture, sparkline
from camel_ext.cli.training import read_hyper
from camel_ext.training import PRESETS, TABLE
from camel_ext.training.hyper import BY_NAME
from camel_ext.training.process import EXTRA, Yard
from camel_ext.training.spec import EXIT_FAILED
from tests.cli.conftest import Camel, Served, command_on, error, shown
from tests.fakes.launcher import Act, FakeLauncher, failed, steps
from tests.training.makers import make_pair, write_base

START = ("train", "start", "brief", "--base", "base", "--dataset", "brief-pairs", "-p", "quick")


@pytest.fixture(scope="module")
def yard(served: Served) -> Yard:
    """A base and pairs, brought in by the commands for that, and a launcher that plays."""
    assert served.runtime is not None
    found: Yard = served.runtime.extras[EXTRA]
    write_base(found.models_dir)
    camel = command_on(served.data_dir)
    models = served.files / "models.yaml"
    more = "models:\n  base: {engine: local, file: base.gguf}\n"
    models.write_text(models.read_text().replace("models:\n", more, 1))
    applied = camel("apply", "-f", str(served.files))
    assert applied.exit_code == 0, applied.stderr
    file = served.files.parent / "pairs.jsonl"
    file.write_text("".join(f"{json.dumps(pair_line(number))}\n" for number in range(4)))
    imported = camel("dataset", "import", str(file), "--name", "brief-pairs")
    assert imported.exit_code == 0, imported.stderr
    return found


def pair_line(number: int) -> dict[str, Any]:
    pair = make_pair(number)
    return {
        "prompt": list(pair.prompt),
        "chosen": list(pair.chosen),
        "rejected": list(pair.rejected),
        "split": "train",
    }


@pytest.fixture
def plays(yard: Yard) -> Iterator[FakeLauncher]:
    launcher = FakeLauncher()
    before, yard.launcher = yard.launcher, launcher
    yield launcher
    yard.launcher = before


class TestStart:
    def test_the_curves_are_shown_and_what_to_do_next(
        self, camel: Camel, plays: FakeLauncher
    ) -> None:
        plays.acts = [Act(steps(1, 5, 5))]
        result = camel(*START)
        assert result.exit_code == 0, result.stderr
        assert "step 5/5  loss 0.1400  margin 0.5000" in result.stderr
        assert "base/brief" in result.stdout
        assert "adapter.gguf" in result.stdout
        assert "█" in result.stdout
        assert "camel-ext models move ALIAS base/brief" in result.stderr

    def test_for_machines_each_step_is_a_line(self, camel: Camel, plays: FakeLauncher) -> None:
        plays.acts = [Act(steps(1, 3, 3))]
        result = camel(*START, "--set", "beta=0.2", "--seed", "3", "--json")
        assert result.exit_code == 0, result.stderr
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        assert [line["step"] for line in lines if line["type"] == "step"] == [1, 2, 3]
        training = lines[-1]["training"]
        assert (training["hyper"]["beta"], training["seed"]) == (0.2, 3)

    def test_a_look_shows_what_the_model_sees(self, camel: Camel, plays: FakeLauncher) -> None:
        batch = {
            "pair_hash": "a" * 64, "prompt": "<|im_start|>user", "prompt_tokens": 4,
            "chosen": "[b]short", "chosen_tokens": 2, "rejected": "long", "rejected_tokens": 9,
        }  # fmt: skip
        warning = {"code": "few_pairs", "words": "4 pairs are few."}
        found = {
            "kind": "preflight", "pairs": 4, "held_out": 0, "steps": 24, "seconds": 61.0,
            "memory_bytes": 10**9, "first_batch": [batch], "warnings": [warning],
        }  # fmt: skip
        plays.acts = [Act([found])]
        result = camel(*START, "--dry-run")
        assert result.exit_code == 0, result.stderr
        for said in ("1 min 01 s", "1.0 GB of memory", "few_pairs", "<|im_start|>user", "[b]short"):
            assert said in result.stdout, said
        assert "without --dry-run" in result.stderr

    def test_a_failure_says_why_and_what_to_try(self, camel: Camel, plays: FakeLauncher) -> None:
        broken = failed("loss_not_finite", "The loss became nan.", "Halve the learning rate.")
        plays.acts = [Act([*steps(1, 2, 4), broken], code=EXIT_FAILED, console="last words")]
        result = camel(*START)
        assert result.exit_code == 1
        for said in ("The loss became nan.", "Halve the learning rate.", "last words"):
            assert said in result.stdout
        assert "camel-ext train start" in result.stderr
        full = failed("disk_full", "The disk is full.", "Free some space.")
        plays.acts, plays.started = [Act([full], code=EXIT_FAILED)], []
        assert "camel-ext train resume" in camel(*START).stderr

    @pytest.mark.parametrize(
        ("more", "code", "said"),
        [
            (("--set", "beta"), 2, "NAME=VALUE"),
            (("--set", "betta=1"), 2, "betta"),
            (("--preset", "best"), 2, "quick, balanced, thorough"),
            (("--dataset", "nothing"), 5, "nothing"),
            (("--base", "nobody"), 5, "nobody"),
        ],
    )
    def test_what_cannot_be_trained_is_said(
        self, camel: Camel, plays: FakeLauncher, more: tuple[str, ...], code: int, said: str
    ) -> None:
        result = camel(*START, *more, "--json")
        assert result.exit_code == code
        found = error(result)
        assert said in json.dumps(found)


class TestAfterwards:
    def test_cancel_resume_show_and_list(self, camel: Camel, plays: FakeLauncher) -> None:
        plays.acts = [Act(steps(1, 2, 4), holds=True), Act(steps(3, 4, 4), cut_to=2)]
        begun = camel(*START, "--detach", "--json")
        training_id = json.loads(begun.stdout)["training"]["id"]
        while shown(camel("train", "show", training_id, "--json"))["progress"].get("step") != 2:
            time.sleep(0.05)
        stopped = camel("train", "cancel", training_id)
        assert stopped.exit_code == 0, stopped.stderr
        assert "cancelled" in stopped.stdout
        assert camel("train", "watch", training_id).exit_code == 8
        again = camel("train", "resume", training_id)
        assert again.exit_code == 0, again.stderr
        found = shown(camel("train", "show", "last", "--json"))
        assert [each["step"] for each in found["steps"]] == [1, 2, 3, 4]
        card = camel("train", "show", "last", "--card")
        assert card.stdout == found["card"]
        listed = camel("train", "--json")
        assert json.loads(listed.stdout)[0]["id"] == training_id
        assert "base/brief" in camel("train", "list").stdout
        none = camel("train", "list", "--state", "waiting")
        assert (none.exit_code, none.stdout) == (0, "")
        assert "camel-ext train start" in none.stderr
        assert camel("train", "list", "--state", "gone").exit_code == 2


class TestTables:
    def test_presets(self, camel: Camel) -> None:
        result = camel("train", "presets")
        assert "quick" in result.stdout
        assert f"max_steps={PRESETS['quick'].hyper.max_steps}" in result.stdout
        assert shown(camel("train", "presets", "--json"))["default"] == "balanced"

    def test_hyper(self, camel: Camel) -> None:
        listed = camel("train", "hyper").stdout
        assert all(each.name in listed for each in TABLE)
        one = camel("train", "hyper", "beta").stdout
        assert BY_NAME["beta"].source in " ".join(one.split())
        missing = camel("train", "hyper", "betta", "--json")
        assert (missing.exit_code, error(missing)["exit_code"]) == (5, 5)


def test_values_are_read_as_json_where_they_are() -> None:
    assert read_hyper(["beta=0.2", "loss=ipo", "last_layers=null"]) == {
        "beta": 0.2,
        "loss": "ipo",
        "last_layers": None,
    }


def test_a_curve_fits_and_keeps_its_shape() -> None:
    assert sparkline([]) == ""
    assert sparkline([1.0, 1.0]) == "▄▄"
    assert sparkline([0.0, 0.5, 1.0]) == "▁▅█"
    assert len(sparkline([float(n) for n in range(1000)])) == 48


def test_the_picture_of_a_running_one() -> None:
    training: Any = {
        "id": "0" * 32, "name": "brief", "base": "base@1", "state": "running", "alarms": [],
        "progress": {
            "phase": "train", "step": 12, "steps": 24, "eta_s": 75.0, "tokens_per_s": 104.6,
            "rss_bytes": 1.2e9,
        },
    }  # fmt: skip
    metrics: Any = [{"kind": "step", "step": 1, "at": "", "values": {"loss": 0.5, "margin": None}}]
    console = Console(width=140, record=True, file=StringIO())
    console.print(picture(Seen(training, metrics)))
    text = console.export_text()
    assert "base/brief  trains" in text
    assert "step 12/24  ·  1 min 15 s left  ·  105 tokens/s  ·  1.2 GB" in text
    assert "loss     ▄  0.500" in text
