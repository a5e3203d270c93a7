"""How a training says that it cannot go on: a code, what happened, and what to try.

These become the last event of the folder; they are data for a row, not HTTP errors.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class TrainingFailed(Exception):
    """The training ended without an adapter; what was reached stays in its checkpoints."""

    def __init__(self, code: str, detail: str, advice: str) -> None:
        super().__init__(f"{code}: {detail} {advice}")
        self.code, self.detail, self.advice = code, detail, advice


class Stopped(Exception):
    """The process was asked to end and may do so at this point."""


@contextmanager
def disk_full_named(what: str, where: Path) -> Iterator[None]:
    """Turn a full disk into a failure that says what was being written; other errors pass."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise disk_full(what, where) from error


def disk_full(what: str, where: Path) -> TrainingFailed:
    """Return the failure of a disk that has no room left."""
    return TrainingFailed(
        "disk_full",
        f"The disk of {where} is full, so {what} could not be written.",
        "Free some space and start the training again: it goes on from its last whole checkpoint.",
    )
