"""Whole trainings on the tiny base: what they leave, and that they go on where they ended."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel

from camel_ext.training.spec import EXIT_FAILED, EXIT_STOPPED, Split
from camel_ext.training.trainer.bases import load_weights, open_base
from camel_ext.training.trainer.failures import TrainingFailed
from camel_ext.training.trainer.run import Run
from camel_ext.training.trainer.stopping import Stopped, StopSwitch
from tests.training.trainer.conftest import Jobs, pair, pairs

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
Events = Callable[[Path], list[dict[str, Any]]]


def train(job_dir: Path) -> None:
    Run(job_dir, StopSwitch()).train()


def of(kind: str, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event for event in found if event["kind"] == kind]


def curve(found: list[dict[str, Any]]) -> list[tuple[int, float, float]]:
    return [(event["step"], event["loss"], event["grad_norm"]) for event in of("step", found)]


def test_learns_and_leaves_an_adapter(jobs: Jobs, events: Events) -> None:
    job_dir = jobs.make(max_steps=8)
    train(job_dir)
    found = events(job_dir)
    phases = [event["name"] for event in of("phase", found)]
    assert phases == ["convert", "tokenize", "load", "reference", "train", "export"]
    steps = of("step", found)
    assert [step["step"] for step in steps] == list(range(1, 9))
    assert steps[0]["loss"] == pytest.approx(0.6931, abs=1e-4)
    assert steps[-1]["loss"] < steps[0]["loss"]
    assert steps[-1]["margin"] > 0
    assert [event["step"] for event in of("eval", found)] == [2, 4, 6, 8]
    best = of("eval", found)[-1]["best"]
    assert {entry["pair_hash"] for entry in best} == {"pair-6", "pair-7"}
    (result,) = of("result", found)
    assert found[-1] == result
    for name, said in result["files"].items():
        assert (job_dir / "result" / name).stat().st_size == said["size_bytes"]

    opened = open_base(jobs.spec())
    model = PeftModel.from_pretrained(load_weights(opened, torch.float32), str(job_dir / "result"))
    assert (
        sum(p.numel() for n, p in model.named_parameters() if "lora_" in n) == result["parameters"]
    )


@pytest.mark.slow
def test_learns_in_bf16(jobs: Jobs, events: Events) -> None:
    job_dir = jobs.make(dtype="bf16", max_steps=8)
    train(job_dir)
    steps = of("step", events(job_dir))
    assert steps[0]["loss"] == pytest.approx(0.6931, abs=0.02)
    assert steps[-1]["loss"] < 0.65
    assert events(job_dir)[-1]["dtype"] == "bfloat16"


@pytest.mark.parametrize("loss", ["ipo", "kto"])
def test_other_losses(jobs: Jobs, events: Events, loss: str) -> None:
    job_dir = jobs.make(loss=loss, max_steps=8)
    train(job_dir)
    steps, evals = of("step", events(job_dir)), of("eval", events(job_dir))
    assert steps[-1]["loss"] < steps[0]["loss"]
    assert evals[-1]["margin"] > 0
    assert evals[-1]["loss"] < evals[0]["loss"]


@pytest.mark.slow
def test_parts_of_an_update_are_one_update(jobs: Jobs, events: Events) -> None:
    whole, parted = jobs.make("whole"), jobs.make("parted", grad_accum=2)
    train(whole)
    train(parted)
    for one, other in zip(curve(events(whole)), curve(events(parted)), strict=True):
        assert one == pytest.approx(other, rel=1e-4)


def test_same_seed_same_adapter_whatever_is_cached(jobs: Jobs, events: Events) -> None:
    rows = [*pairs(), replace(pair(0, chosen="two"), pair_hash="x"), pair(1, rejected="three")]
    made = []
    for name, hyper in (
        ("a", {}),
        ("b", {}),
        ("c", {"reference_cache": False}),
        ("d", {"seed": 1}),
    ):
        job_dir = jobs.make(name, rows, **hyper)
        train(job_dir)
        made.append(of("result", events(job_dir))[0])
    a, b, c, d = (result["adapter_sha256"] for result in made)
    assert a == b == c != d
    assert [result["reference_hits"] for result in made] == [0, 10, 0, 10]


@pytest.mark.parametrize(
    "hyper",
    [
        {"lora_dropout": 0.2},
        pytest.param({}, marks=pytest.mark.slow),
        pytest.param({"loss": "kto"}, marks=pytest.mark.slow),
    ],
)
def test_goes_on_to_the_same_curve(jobs: Jobs, events: Events, hyper: dict[str, Any]) -> None:
    whole, broken = (
        jobs.make("whole", max_steps=7, **hyper),
        jobs.make("broken", max_steps=7, **hyper),
    )
    train(whole)

    switch = StopSwitch()
    run = Run(broken, switch)
    run._events.emit = throwing_at(4, run._events.emit, switch)  # type: ignore[method-assign]
    with pytest.raises(Stopped) as stopped:
        run.train()
    assert stopped.value.step == 5
    with (broken / "events.jsonl").open("ab") as file:
        file.write(b'{"at":1,"kind":"step","st')  # as a kill leaves it
    train(broken)

    assert curve(events(broken)) == curve(events(whole))
    one, other = (of("result", events(each))[0] for each in (whole, broken))
    assert one["adapter_sha256"] == other["adapter_sha256"]


@pytest.mark.slow
def test_asked_to_stop_at_the_end_it_is_done_first(jobs: Jobs, events: Events) -> None:
    job_dir, switch = jobs.make(), StopSwitch()
    run = Run(job_dir, switch)
    run._events.emit = throwing_at(4, run._events.emit, switch)  # type: ignore[method-assign]
    with pytest.raises(Stopped) as stopped:
        run.train()
    assert stopped.value.step == 4
    assert [event["step"] for event in of("eval", events(job_dir))] == [2, 4]
    train(job_dir)
    assert len(of("result", events(job_dir))) == 1


def throwing_at(step: int, emit: Callable[..., None], switch: StopSwitch) -> Callable[..., None]:
    def wrapped(kind: str, **said: Any) -> None:
        emit(kind, **said)
        if kind == "step" and said["step"] == step:
            switch.throw()

    return wrapped


@pytest.mark.slow
def test_a_finished_training_is_only_exported_again(jobs: Jobs, events: Events) -> None:
    job_dir = jobs.make()
    train(job_dir)
    (first,) = of("result", events(job_dir))
    (job_dir / "result" / "adapter.gguf").unlink()
    train(job_dir)
    found = events(job_dir)
    assert of("result", found)[-1]["adapter_sha256"] == first["adapter_sha256"]
    assert len(of("step", found)) == 4


@pytest.mark.slow
def test_a_damaged_checkpoint_is_passed_over(jobs: Jobs, events: Events) -> None:
    whole, damaged = jobs.make("whole"), jobs.make("damaged")
    train(whole)
    train(damaged)
    checkpoints = damaged / "checkpoints"
    assert sorted(path.name for path in checkpoints.iterdir()) == ["step-2", "step-4"]
    torn = checkpoints / "step-4" / "optimizer.safetensors"
    torn.write_bytes(torn.read_bytes()[:-8])
    train(damaged)
    assert curve(events(damaged)) == curve(events(whole))


@pytest.mark.slow
def test_another_spec_does_not_take_up_a_checkpoint(jobs: Jobs, events: Events) -> None:
    job_dir = jobs.make()
    train(job_dir)
    first = curve(events(job_dir))
    jobs.make(learning_rate=1e-3)
    train(job_dir)
    assert len(curve(events(job_dir))) == 4
    assert curve(events(job_dir))[1:] != first[1:]


def test_no_pickle_is_written(jobs: Jobs) -> None:
    job_dir = jobs.make()
    train(job_dir)
    kinds = {path.suffix for path in job_dir.rglob("*") if path.is_file()}
    assert kinds == {".json", ".jsonl", ".safetensors", ".gguf"}


def test_a_loss_that_is_no_number_ends_it(jobs: Jobs, events: Events) -> None:
    job_dir = jobs.make(learning_rate=1e18, max_grad_norm=0, max_steps=8, save_every_steps=1)
    with pytest.raises(TrainingFailed, match="loss_not_finite"):
        train(job_dir)
    assert of("checkpoint", events(job_dir))
    assert not of("result", events(job_dir))


@pytest.mark.parametrize(
    ("rows", "hyper", "code"),
    [
        ([], {}, "no_pairs"),
        ([pair(1, Split.EVAL)], {}, "no_pairs"),
        ([pair(1, chosen="same", rejected="same")], {}, "equal_texts"),
        (None, {"max_prompt_length": 8}, "prompt_too_long"),
        (None, {"max_length": 4096}, "longer_than_context"),
        (None, {"grad_accum": 3}, "parts_unequal"),
        (None, {"target_modules": ["lm_head"]}, "target_unknown"),
    ],
)
def test_what_cannot_be_trained_says_so(
    jobs: Jobs, rows: list[Any] | None, hyper: dict[str, Any], code: str
) -> None:
    with pytest.raises(TrainingFailed) as failed:
        train(jobs.make(rows=rows, **hyper))
    assert failed.value.code == code
    assert failed.value.advice


def test_pairs_that_teach_nothing_are_left_out_and_named(jobs: Jobs, events: Events) -> None:
    rows = [*pairs(4, 0), pair(8, chosen="same", rejected="same"), pair(0)]
    job_dir = jobs.make(rows=rows)
    train(job_dir)
    alarms = {event["code"]: event["words"] for event in of("alarm", events(job_dir))}
    assert set(alarms) == {"equal_texts", "duplicate"}
    assert of("result", events(job_dir))[0]["pairs"] == 4


def start(job_dir: Path, *options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "camel_ext.training.trainer", str(job_dir), *options]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait_for(path: Path, what: bytes, timeout_s: float = 90) -> None:
    until = time.monotonic() + timeout_s
    while not (path.exists() and what in path.read_bytes()):
        assert time.monotonic() < until, f"{what!r} did not come"
        time.sleep(0.02)


@pytest.mark.slow
def test_kill_9_and_sigterm_change_nothing(jobs: Jobs, events: Events) -> None:
    hyper: dict[str, Any] = {"max_steps": 60, "save_every_steps": 5}
    whole, killed = jobs.make("whole", **hyper), jobs.make("killed", **hyper)
    assert start(whole).wait(120) == 0
    process = start(killed)
    wait_for(killed / "events.jsonl", b'"step":12,')
    process.send_signal(signal.SIGKILL)
    assert process.wait(10) == -signal.SIGKILL
    process = start(killed)
    wait_for(killed / "events.jsonl", b'"step":22,')
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == EXIT_STOPPED
    last = events(killed)[-1]
    assert last["kind"] == "stopped"
    assert (killed / "checkpoints" / f"step-{last['step']}").is_dir()
    assert start(killed).wait(120) == 0
    assert curve(events(killed)) == curve(events(whole))
    one, other = (of("result", events(each))[0] for each in (whole, killed))
    assert one["adapter_sha256"] == other["adapter_sha256"]


@pytest.mark.slow
def test_a_failure_is_the_last_event(jobs: Jobs, events: Events) -> None:
    job_dir = jobs.make()
    os.remove(job_dir / "pairs.jsonl")
    assert start(job_dir).wait(60) == EXIT_FAILED
    assert events(job_dir)[-1]["code"] == "spec_wrong"
    assert b"Traceback" in (job_dir / "console.log").read_bytes()
    job_dir = jobs.make("other")
    (job_dir / "spec.json").write_bytes(b'{"base": 1}')
    assert start(job_dir, "--preflight").wait(60) == EXIT_FAILED
    assert events(job_dir)[-1]["code"] == "spec_wrong"
