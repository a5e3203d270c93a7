"""The log of a training: one JSON object a line, appended as it happens.

Whoever watches reads it from where he stopped; whoever resumes cuts off what the last checkpoint does
not know. It decides nothing.
"""

import time
from pathlib import Path
from typing import Any

import msgspec

from camel_ext.training.spec import EVENT_KINDS, EVENTS_FILE
from camel_ext.training.trainer.failures import disk_full_named

ENDINGS = frozenset({"result", "stopped", "failed"})


class EventLog:
    """Appends to `events.jsonl` of a folder; each line is whole or the last one."""

    def __init__(self, job_dir: Path) -> None:
        self._path = job_dir / EVENTS_FILE

    def emit(self, kind: str, **said: Any) -> None:
        """Append one event.

        Raises: TrainingFailed when the disk is full.
        """
        assert kind in EVENT_KINDS, kind
        line = msgspec.json.encode({"at": time.time(), "kind": kind, **said}) + b"\n"
        with disk_full_named("the training's events", self._path), self._path.open("ab") as file:
            file.write(line)

    def rewind(self, step: int) -> None:
        """Cut off everything that came after this step: it is going to happen again."""
        if not self._path.exists():
            return
        kept = 0
        with self._path.open("r+b") as file:
            for line in file:
                if _is_later(line, step):
                    break
                kept += len(line)
            file.truncate(kept)


def _is_later(line: bytes, step: int) -> bool:
    """Say whether a line is torn, an ending, or of a later step."""
    try:
        event = msgspec.json.decode(line)
    except msgspec.DecodeError:
        return True
    said: int = event.get("step", 0)
    return event["kind"] in ENDINGS or said > step or not line.endswith(b"\n")
