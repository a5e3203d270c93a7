"""How a training says that it cannot go on: a code, what happened, and what to try.

These become the last event of the folder; they are data for a row, not HTTP errors.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from camel_ext.training.files import FileRefused
from camel_ext.training.spec import SpecWrong

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class TrainingFailed(Exception):
    """The training ended without an adapter; what was reached stays in its checkpoints."""

    def __init__(self, code: str, detail: str, advice: str) -> None:
        super().__init__(f"{code}: {detail} {advice}")
        self.code, self.detail, self.advice = code, detail, advice


@contextmanager
def disk_full_named(what: str, where: Path) -> Iterator[None]:
    """Turn a full disk into a failure that says what was being written; other errors pass."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        if not is_full(error):
            raise
        raise disk_full(what, where) from error


def is_full(error: BaseException) -> bool:
    """Say whether an error means that the disk has no room left.

    safetensors says it in Rust's words, numpy by how much it could write.
    """
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in FULL
    said = str(error)
    return any(f"(os error {number})" in said for number in FULL) or (
        isinstance(error, OSError) and "requested and" in said
    )


def disk_full(what: str, where: Path) -> TrainingFailed:
    """Return the failure of a disk that has no room left."""
    return TrainingFailed(
        "disk_full",
        f"The disk of {where} is full, so {what} could not be written.",
        "Free some space and start the training again: it goes on from its last whole checkpoint.",
    )


def as_failure(error: BaseException) -> TrainingFailed:
    """Return what any error means for the training; what nobody foresaw is `internal`."""
    if isinstance(error, TrainingFailed):
        return error
    if isinstance(error, SpecWrong):
        return TrainingFailed("spec_wrong", str(error), "Start the training anew from the dataset.")
    if isinstance(error, FileRefused):
        return TrainingFailed("file_refused", error.detail, "Fetch the file again.")
    if is_full(error):
        return disk_full("a file", Path("the job's folder"))
    if isinstance(error, MemoryError) or "not enough memory" in str(error):
        return TrainingFailed(
            "out_of_memory",
            f"The machine has no memory left for this training ({str(error)[:200]}).",
            "Take fewer pairs per step, or more grad_accum; shorten max_length; adapt fewer layers.",
        )
    return TrainingFailed(
        "internal",
        f"{type(error).__name__}: {str(error)[:500]}",
        "Look at the end of the console; if it says nothing you can change, report it with the spec.",
    )
