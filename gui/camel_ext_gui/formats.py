"""How numbers, times and states are written, the same on every page (UI.md, sections 3 and 5).

What is unknown is an en dash. It formats what the server says and computes nothing of its own.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

UNKNOWN = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
STATES = {
    "queued": "◌ queued",
    "running": "◐ running",
    "waiting": "✋ waiting",
    "succeeded": "✓ succeeded",
    "failed": "✕ failed",
    "cancelled": "⊘ cancelled",
}
VERDICTS = {
    "better": "↗ Better",
    "not_worse": "= Not worse",
    "worse": "↘ Worse",
    "inconclusive": "◌ Inconclusive",
}


def count(number: int | None) -> str:
    """Return 9,412 exactly, then 12.8 k and 1.04 M."""
    if number is None:
        return UNKNOWN
    if number < 10_000:
        return f"{number:,}"
    return f"{number / 1e3:.1f} k" if number < 1_000_000 else f"{number / 1e6:.2f} M"


def plural(number: int, word: str) -> str:
    """Return a count with its word."""
    return f"{count(number)} {word}" if number == 1 else f"{count(number)} {word}s"


def percent(ratio: float | None) -> str:
    """Return a ratio as 74 %."""
    return UNKNOWN if ratio is None else f"{100 * ratio:.3g} %"


def points(ratio: float) -> str:
    """Return a difference of ratios with its sign, in points."""
    return f"{'+' if ratio >= 0 else MINUS}{abs(100 * ratio):.1f}"


def estimate(effect: float, low: float, high: float, level: float, n: int) -> str:
    """Return an effect, never without its interval and its n."""
    bounds = f"{points(low)} to {points(high)}"
    return f"{points(effect)} points, {100 * level:.4g} % interval {bounds}, n = {n:,}"


def duration(milliseconds: float | None) -> str:
    """Return a span of time in at most two units."""
    if milliseconds is None:
        return UNKNOWN
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms" if milliseconds < 100 else f"{milliseconds / 1000:.2f} s"
    seconds = milliseconds / 1000
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, seconds = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} m {seconds:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} m"


def tokens(prompt: int | None, completion: int | None) -> str:
    """Return what went in and what came out: 214 + 16."""
    return UNKNOWN if prompt is None else f"{count(prompt)} + {count(completion or 0)}"


def cost(usd_micros: int | None) -> str:
    """Return a cost: four decimals below a cent."""
    if usd_micros is None:
        return UNKNOWN
    usd = usd_micros / 1e6
    return f"${usd:.4f}" if 0 < usd < 0.01 else f"${usd:,.2f}"


def moment(text: str | None) -> datetime | None:
    """Read a time of the server, for a column of times."""
    return None if text is None else datetime.fromisoformat(text)


def when(text: str | None) -> str:
    """Return a time as 21 Nov 14:30:06 UTC: it does not change while somebody looks."""
    then = moment(text)
    return UNKNOWN if then is None else f"{then.astimezone(UTC):%d %b %H:%M:%S} UTC"


def ago(text: str | None, now: datetime | None = None) -> str:
    """Return how long ago a time of the server was."""
    then = moment(text)
    if then is None:
        return UNKNOWN
    now = now or datetime.now(UTC)  # noqa: TID251 - core's clock is the server's
    gone_s = max(0.0, (now - then).total_seconds())
    for limit_s, unit_s, word in ((90, 1, "s"), (5400, 60, "min"), (129_600, 3600, "h")):
        if gone_s < limit_s:
            return f"{gone_s / unit_s:.0f} {word} ago"
    return f"{gone_s / 86_400:.0f} d ago"


def elapsed(thing: Mapping[str, Any], now: datetime | None = None) -> str:
    """Return how long a run took, or, while it runs, how long ago it began."""
    began = moment(thing["started_at"])
    if thing["state"] != "running" or began is None:
        return duration(thing["running_ms"])
    now = now or datetime.now(UTC)  # noqa: TID251 - core's clock is the server's
    return duration(max(0.0, 1000 * (now - began).total_seconds()))


def short(thing_id: str | None) -> str:
    """Return the end of an id, by which commands find it, too; its beginning is a time."""
    return UNKNOWN if thing_id is None else thing_id.replace("-", "")[-8:]


def state(thing: Mapping[str, Any]) -> str:
    """Return a state as sign and word, with whom it waits for."""
    word = STATES.get(thing["state"], str(thing["state"]))
    waits = thing.get("waiting_for")
    return f"{word} for {waits}" if waits and thing["state"] == "waiting" else word
