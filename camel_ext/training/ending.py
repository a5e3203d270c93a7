"""What the end of a trainer's process means for its training.

Pure: from exit code and last event to done, stopped, failed or dead. What is done about it is the
task's business.
"""

import signal
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from camel_ext.training.spec import EXIT_DONE, EXIT_FAILED, EXIT_STOPPED
from camel_ext.training.tailing import Event

ERROR_PREFIX: Final = "training."
LOST: Final = "training.trainer_lost"


class End(StrEnum):
    """How a trainer's process ended."""

    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"
    DIED = "died"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a training cannot go on: a stable code, what happened, what to try."""

    code: str
    detail: str
    advice: str | None = None


def end_of(code: int, last: Event | None, *, looked: bool) -> End:
    """Return how it ended; `looked`: it was only to look, and a `preflight` event is its result."""
    kind = None if last is None else last["kind"]
    if code == EXIT_DONE and kind == ("preflight" if looked else "result"):
        return End.DONE
    if code == EXIT_STOPPED:
        return End.STOPPED
    if code == EXIT_FAILED and kind == "failed":
        return End.FAILED
    return End.DIED


def failure_of(last: Event) -> Failure:
    """Return what a `failed` event says."""
    code = "".join(each for each in str(last.get("code") or "") if each.isalnum() or each == "_")
    advice = last.get("advice")
    return Failure(
        f"{ERROR_PREFIX}{code[:80] or 'internal'}",
        _kept(last.get("detail") or "The trainer says nothing more."),
        None if advice is None else _kept(advice),
    )


def _kept(text: object) -> str:
    """Return a text as a row can keep it."""
    return str(text).replace("\0", "")[:2000]


def death_of(code: int, restarts: int) -> Failure:
    """Return what it means that trainers died again and again before they got any further."""
    times = f"{restarts + 1} trainers in turn" if restarts else "The trainer"
    if code == -signal.SIGKILL:
        return Failure(
            LOST,
            f"{times} ended by SIGKILL, the last time without having got any further; where nobody "
            "did it by hand, the machine ran out of memory.",
            "Take fewer `pairs_per_step`, a larger `grad_accum`, a shorter `max_length` or fewer "
            "`last_layers`, or end what else needs memory. What was reached is kept: resume it.",
        )
    how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
    return Failure(
        LOST,
        f"{times} ended {how}, without saying why.",
        "Look at the end of the console. If packages are missing or broken, run `camel-ext train "
        "setup`; then resume it.",
    )
