"""Reads a training's folder while its trainer writes there: new events, the console's end, the ending.

A trainer that resumes cuts its log back first, so what is read is checked to follow what was read
before; if it does not, reading begins anew, and whoever records knows steps that he has. It writes
nothing.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from camel_ext.training.spec import CONSOLE_FILE, EVENT_KINDS, EVENTS_FILE

Event = dict[str, Any]
TAIL_BYTES: Final = 4096
CONSOLE_BYTES: Final = 64 * 1024  # of a console at once
LINE_BYTES_MAX: Final = 4 * 2**20  # a first batch of long texts; a longer line is none of ours


@dataclass(slots=True)
class Tail:
    """What has been read of a folder's events."""

    job_dir: Path
    _offset: int = 0
    _last_line: bytes = field(default=b"", repr=False)

    def read(self) -> list[Event]:
        """Return the whole lines that came since the last time, oldest first."""
        try:
            file = (self.job_dir / EVENTS_FILE).open("rb")
        except FileNotFoundError:
            return []
        with file:
            start = self._offset - len(self._last_line)
            file.seek(start)
            if file.read(len(self._last_line)) != self._last_line:  # cut back, and gone on
                self._offset, self._last_line = 0, b""
                file.seek(0)
            lines = file.read().splitlines(keepends=True)
        whole = [line for line in lines if line.endswith(b"\n")]
        if whole:
            self._offset += sum(map(len, whole))
            self._last_line = whole[-1]
        return [event for line in whole if (event := parse(line)) is not None]


def parse(line: bytes) -> Event | None:
    """Return the event of a line, or None where it is none."""
    if len(line) > LINE_BYTES_MAX:
        return None
    try:
        event = msgspec.json.decode(line)
    except msgspec.DecodeError:
        return None
    known = isinstance(event, dict) and event.get("kind") in EVENT_KINDS
    return event if known and isinstance(event.get("at"), int | float) else None


def read_console(job_dir: Path) -> str:
    """Return the last lines of a folder's console."""
    try:
        with (job_dir / CONSOLE_FILE).open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - TAIL_BYTES))
            raw = file.read()
    except FileNotFoundError:
        return ""
    text = raw.decode("utf-8", "replace").replace("\0", "").replace("\r", "\n")
    return "\n".join(line for line in text.splitlines() if line.strip())[-TAIL_BYTES:].strip()


@dataclass(frozen=True, slots=True)
class ConsolePart:
    """Whole lines of a console, and the byte where what comes next begins."""

    text: str
    next_after: int


def read_console_after(job_dir: Path, after: int | None, *, ended: bool) -> ConsolePart | None:
    """Return lines of a folder's console from a byte on, or its last ones; None: there is none here.

    A line without an end is left for the next time, unless it is too long or its trainer ended. A
    byte past the end means that it was begun anew, and so does the answer.
    """
    try:
        file = (job_dir / CONSOLE_FILE).open("rb")
    except FileNotFoundError:
        return None
    with file:
        size = file.seek(0, 2)
        last = after is None
        start = max(0, size - CONSOLE_BYTES) if after is None else after if after <= size else 0
        file.seek(start)
        raw = file.read(CONSOLE_BYTES)
    if last and start > 0:  # it begins within a line
        cut = raw.find(b"\n") + 1
        raw, start = raw[cut:], start + cut
    whole = raw[: max(raw.rfind(b"\n"), raw.rfind(b"\r")) + 1]
    if ended or (not whole and len(raw) == CONSOLE_BYTES):
        whole = raw
    text = whole.decode("utf-8", "replace").replace("\0", "").replace("\r\n", "\n")
    return ConsolePart(text.replace("\r", "\n"), start + len(whole))
