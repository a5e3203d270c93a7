"""What is looked at before a training: cost, the first batch, what looks wrong."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from camel_ext.training.spec import Split
from camel_ext.training.trainer.bases import open_base
from camel_ext.training.trainer.failures import TrainingFailed
from camel_ext.training.trainer.preflight import look
from camel_ext.training.trainer.run import Run
from camel_ext.training.trainer.stopping import StopSwitch
from tests.training.trainer.conftest import Jobs, pair, pairs

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
Events = Callable[[Path], list[dict[str, Any]]]


def codes(found: dict[str, Any]) -> set[str]:
    return {warning["code"] for warning in found["warnings"]}


def test_shows_what_the_model_will_see(jobs: Jobs, events: Events) -> None:
    job_dir = jobs.make()
    found = look(job_dir)
    (event,) = events(job_dir)
    assert event["kind"] == "preflight"
    assert event["first_batch"] == found["first_batch"]
    assert (found["pairs"], found["held_out"], found["steps"]) == (6, 2, 4)
    assert len(found["first_batch"]) == 2
    for shown in found["first_batch"]:
        number = shown["pair_hash"].removeprefix("pair-")
        assert shown["prompt"].endswith(f"? {number}<|im_end|>\n<|im_start|>assistant\n")
        assert shown["chosen"] == f"short {number}<|im_end|>\n"
        assert shown["chosen_tokens"] < shown["rejected_tokens"]
    assert found["memory_bytes"] > 500_000_000
    assert found["seconds"] > 1


def test_the_first_batch_is_the_first(jobs: Jobs, events: Events) -> None:
    job_dir = jobs.make(max_steps=1, rows=pairs(6, 0))
    shown = {each["pair_hash"] for each in look(job_dir)["first_batch"]}
    Run(job_dir, StopSwitch()).train()
    (trained,) = [event for event in events(job_dir) if event["kind"] == "eval"]
    assert {entry["pair_hash"] for entry in trained["best"]} == shown
    assert trained["split"] == "train"


def test_counts_the_adapter_as_peft_does(jobs: Jobs, events: Events) -> None:
    job_dir = jobs.make(max_steps=1)
    found = look(job_dir)
    Run(job_dir, StopSwitch()).train()
    assert events(job_dir)[-1]["parameters"] == found["parameters"]


def test_warns_of_what_looks_wrong(jobs: Jobs) -> None:
    rows = [
        pair(0, rejected="long " * 40),
        pair(0, rejected="long " * 40),
        pair(1, rejected="a longer one " * 3),
        pair(2, chosen="same", rejected="same"),
    ]
    assert codes(look(jobs.make(rows=rows))) == {
        "duplicate",
        "equal_texts",
        "truncated",
        "length_imbalance",
        "few_pairs",
        "nothing_held_out",
    }


def test_warns_of_copies(jobs: Jobs) -> None:
    rows = [pair(n, chosen="always this", rejected="never that at all") for n in range(20)]
    assert codes(look(jobs.make(rows=[*rows, pair(20, Split.EVAL)]))) == {"repeated_texts"}


def test_what_could_not_start_fails_here_already(jobs: Jobs) -> None:
    with pytest.raises(TrainingFailed, match="longer_than_context"):
        look(jobs.make(max_length=5000))


def test_no_weights_are_loaded(jobs: Jobs) -> None:
    opened = open_base(jobs.spec())
    (opened.folder / "model.safetensors").unlink()
    assert look(jobs.make())["pairs"] == 6
