"""Correlation ids: one trace id from the request through job, turn, log line and error.

It carries ids in context variables and nothing else; it is not an exporter of spans.
"""

import re
from contextvars import ContextVar
from random import Random

_TRACE: ContextVar[str | None] = ContextVar("trace_id", default=None)
_TRACEPARENT = re.compile(r"^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$")
_PLAIN = re.compile(r"^[0-9a-f]{32}$")


def current_trace_id() -> str | None:
    """Return the trace id of what runs now, 32 hex digits, or None outside any."""
    return _TRACE.get()


def bind_trace_id(trace_id: str) -> None:
    """Make this the trace id of the current task and of what it starts."""
    _TRACE.set(trace_id)


def new_trace_id(rng: Random) -> str:
    """Return 32 random hex digits."""
    return f"{rng.getrandbits(128):032x}"


def trace_id_from(traceparent: str | None, request_id: str | None) -> str | None:
    """Return the caller's trace id where it sent a well-formed one, else None.

    Source: W3C Trace Context, section 3.2 (`traceparent`).
    """
    match = _TRACEPARENT.match(traceparent or "")
    if match and set(match[1]) != {"0"}:
        return match[1]
    plain = (request_id or "").replace("-", "").lower()
    return plain if _PLAIN.match(plain) else None
