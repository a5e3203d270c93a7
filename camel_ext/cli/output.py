"""How things look on a terminal: consoles, and words for times, amounts and states.

Answers go to standard output, everything about how the work goes (progress, hints, errors) to
standard error, so that a pipe gets the answer alone. What is shown is the commands' business.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.markup import escape
from rich.segment import Segment
from rich.table import Table
from rich.theme import Theme

PIPED_WIDTH = 140  # where nobody sees columns, nothing should be cut for them
THEME = Theme(
    {
        "ok": "green",
        "warn": "yellow",
        "bad": "red",
        "name": "bold",
        "id": "cyan",
        "quiet": "dim",
        "state.queued": "dim",
        "state.running": "cyan",
        "state.waiting": "yellow",
        "state.succeeded": "green",
        "state.failed": "red",
        "state.cancelled": "dim",
    }
)


def out_console() -> Console:
    """Return the console of answers."""
    return _console(sys.stdout)


def err_console() -> Console:
    """Return the console of progress, hints and errors."""
    return _console(sys.stderr)


def _console(stream: Any) -> Console:
    width = None if stream.isatty() else PIPED_WIDTH
    return Console(file=stream, theme=THEME, highlight=False, width=width, soft_wrap=False)


@dataclass(frozen=True, slots=True)
class Indented:
    """Something moved to the right, without the blanks that Rich fills lines with."""

    content: RenderableType
    by: int = 5
    blank_below: bool = True

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        inner = options.update_width(max(20, options.max_width - self.by))
        for line in console.render_lines(self.content, inner, pad=False):
            yield Segment(" " * self.by)
            yield from line
            yield Segment.line()
        if self.blank_below:
            yield Segment.line()


def write_json(value: Any, *, line: bool = False) -> None:
    """Print a value for machines: indented, or as one line of many."""
    text = json.dumps(value, ensure_ascii=False, indent=None if line else 2, default=str)
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def table(*columns: str | tuple[str, dict[str, Any]]) -> Table:
    """Return a calm table: no box, quiet headings."""
    made = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 3, 0, 0))
    for column in columns:
        name, how = column if isinstance(column, tuple) else (column, {})
        made.add_column(name, **how)
    return made


def rows(made: Table, found: Sequence[Sequence[Any]]) -> Table:
    """Add rows; None is shown as nothing, text of users is never read as markup."""
    for row in found:
        made.add_row(*("" if cell is None else cell for cell in row))
    return made


def plain(text: object) -> str:
    """Return text of somebody else, safe inside our markup."""
    return escape(str(text))


def state_shown(state: str, waiting_for: str | None = None) -> str:
    """Return a state in its colour, with whom it waits for."""
    word = f"{state} for {waiting_for}" if state == "waiting" and waiting_for else state
    return f"[state.{state}]{word}[/]"


def short(run_id: str) -> str:
    """Return the end of an id, by which commands find it again (its beginning is a time)."""
    return run_id.replace("-", "")[-8:]


def duration(milliseconds: float) -> str:
    """Return a span of time as people say it."""
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def amount(number: int) -> str:
    """Return a number with thin thousands."""
    return f"{number:,}"


def cost(usd_micros: int) -> str:
    """Return a cost; what is free is said so."""
    if usd_micros == 0:
        return "free"
    return f"${usd_micros / 1e6:.4f}" if usd_micros < 1_000_000 else f"${usd_micros / 1e6:,.2f}"


def size(count_bytes: float) -> str:
    """Return a size in the unit that fits."""
    for unit in ("B", "kB", "MB"):
        if count_bytes < 1000:
            return f"{count_bytes:.0f} {unit}"
        count_bytes /= 1000
    return f"{count_bytes:.1f} GB"


def plural(count: int, word: str) -> str:
    """Return a count with its word."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def moment(text: str | None) -> datetime | None:
    """Read a time of the server."""
    return None if text is None else datetime.fromisoformat(text)


def age(text: str | None, now: datetime) -> str:
    """Return how long ago that was."""
    then = moment(text)
    if then is None:
        return ""
    gone = max(timedelta(0), now - then)
    if gone < timedelta(seconds=90):
        return f"{gone.seconds} s ago"
    if gone < timedelta(hours=1.5):
        return f"{round(gone.total_seconds() / 60)} min ago"
    if gone < timedelta(hours=36):
        return f"{round(gone.total_seconds() / 3600)} h ago"
    return f"{gone.days} days ago" if gone.days > 1 else "1 day ago"


def utc_now() -> datetime:
    """Return the time, to say how old something is."""
    from camel_ext.core.clock import SystemClock

    return SystemClock().now().astimezone(UTC)
