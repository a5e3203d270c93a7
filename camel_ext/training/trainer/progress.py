"""Tells the folder what the training loop does, and the loop when to save, to evaluate and to stop."""

import time
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState

from camel_ext.training.spec import CHECKPOINTS, Hyper
from camel_ext.training.trainer import checkpoints
from camel_ext.training.trainer.alarms import Alarms
from camel_ext.training.trainer.events import EventLog
from camel_ext.training.trainer.memory import rss_bytes
from camel_ext.training.trainer.stopping import StopSwitch
from camel_ext.training.trainer.trainers import PreferenceTrainer

EXTREMES = 3  # pairs shown at either end of an evaluation


class Progress(TrainerCallback):
    """Writes step, evaluation, alarm and checkpoint events."""

    def __init__(self, events: EventLog, hyper: Hyper, switch: StopSwitch) -> None:
        self._events, self._hyper, self._switch = events, hyper, switch
        self._alarms = Alarms(hyper.loss)
        self._margins: dict[int, float] = {}  # the latest of each trained pair
        self._began_at = self._last_at = time.monotonic()
        self._first_step = self._tokens = 0
        self.trainer: PreferenceTrainer

    def on_train_begin(self, _args: Any, state: TrainerState, _control: Any, **_: Any) -> None:
        self._began_at = self._last_at = time.monotonic()
        self._first_step, self._tokens = state.global_step, self.trainer.pair_forward.tokens

    def on_step_end(
        self, _args: Any, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        control.should_save = self._due(state, self._hyper.save_every_steps)
        control.should_evaluate = bool(self.trainer.work.held_out) and self._due(
            state, self._hyper.eval_every_steps
        )
        if self._switch.thrown and state.global_step < state.max_steps:
            control.should_save = control.should_training_stop = True
            control.should_evaluate = False

    def on_log(
        self,
        _args: Any,
        state: TrainerState,
        _control: Any,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        if logs is None or "loss" not in logs:
            return  # the summary at the end
        seen = self.trainer.take_seen()
        self._margins.update(seen.margins)
        grad_norm = float(logs.get("grad_norm", 0.0))
        for code, words in self._alarms.check(seen, logs["loss"], grad_norm):
            self._events.emit("alarm", step=state.global_step, code=code, words=words)
        now, tokens = time.monotonic(), self.trainer.pair_forward.tokens
        done = state.global_step - self._first_step
        self._events.emit(
            "step",
            step=state.global_step,
            steps=state.max_steps,
            epoch=state.epoch,
            loss=logs["loss"],
            **_summary(seen.margins),
            chosen_logps=_mean(seen.chosen),
            rejected_logps=_mean(seen.rejected),
            grad_norm=grad_norm,
            learning_rate=logs["learning_rate"],
            tokens_per_s=(tokens - self._tokens) / max(now - self._last_at, 1e-9),
            eta_s=(now - self._began_at) / done * (state.max_steps - state.global_step),
            rss_bytes=rss_bytes(),
        )
        self._last_at, self._tokens = now, tokens
        if not self.trainer.work.held_out and self._due(state, self._hyper.eval_every_steps):
            self._evaluated(state, "train", logs["loss"], self._margins)

    def on_evaluate(self, _args: Any, state: TrainerState, _control: Any, **_: Any) -> None:
        found = self.trainer.last_evaluated
        assert found is not None
        self._evaluated(state, "eval", found.loss, found.seen.margins)

    def _evaluated(
        self, state: TrainerState, split: str, loss: float, margins: dict[int, float]
    ) -> None:
        work = self.trainer.work
        hashes = {each.number: each.pair.pair_hash for each in [*work.train, *work.held_out]}
        ordered = sorted(margins, key=lambda number: margins[number], reverse=True)
        shown = [{"pair_hash": hashes[number], "margin": margins[number]} for number in ordered]
        self._events.emit(
            "eval",
            step=state.global_step,
            split=split,
            loss=loss,
            **_summary(margins),
            best=shown[:EXTREMES],
            worst=shown[: -EXTREMES - 1 : -1],
        )

    @staticmethod
    def _due(state: TrainerState, every: int) -> bool:
        return state.global_step >= state.max_steps or (
            every > 0 and state.global_step % every == 0
        )

    def on_save(self, _args: Any, state: TrainerState, _control: Any, **_: Any) -> None:
        path = checkpoints.path_of(self.trainer.work.checkpoints, state.global_step)
        self._events.emit(
            "checkpoint",
            step=state.global_step,
            path=f"{CHECKPOINTS}/{path.name}",
            size_bytes=sum(file.stat().st_size for file in path.iterdir()),
        )


def _summary(margins: dict[int, float]) -> dict[str, float]:
    values = list(margins.values())
    return {
        "margin": _mean(values),
        "accuracy": _mean([float(margin > 0) for margin in values]),
    }


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0
