"""How a command ends: its exit code, and an error as one sentence with what to do about it.

The codes are promised (docs/guide/cli.md); scripts depend on them. What went wrong is said by whoever
raised it; this module only finds the code and the advice.
"""

import sys
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any


class Exit(IntEnum):
    """The exit codes."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    REFUSED = 4
    NOT_FOUND = 5
    CONFLICT = 6
    WAITING = 7
    CANCELLED = 8
    BUG = 70
    INTERRUPTED = 130


class Stop(Exception):
    """End the command: a sentence, what to do next, and the exit code."""

    def __init__(self, code: Exit, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.advice = advice


@dataclass(frozen=True, slots=True)
class Explained:
    """An error as it is shown."""

    exit: Exit
    message: str
    advice: str = ""
    code: str = ""
    trace_id: str | None = None
    errors: list[dict[str, Any]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return it for machines."""
        shown = {
            "exit_code": int(self.exit),
            "code": self.code or f"cli.{self.exit.name.lower()}",
            "detail": self.message,
            "advice": self.advice or None,
            "trace_id": self.trace_id,
            "errors": self.errors,
        }
        return {"error": shown}


_BY_STATUS = {
    401: Exit.REFUSED,
    403: Exit.REFUSED,
    404: Exit.NOT_FOUND,
    409: Exit.CONFLICT,
    412: Exit.CONFLICT,
    428: Exit.CONFLICT,
    429: Exit.UNREACHABLE,
    503: Exit.UNREACHABLE,
    507: Exit.UNREACHABLE,
}
_ADVICE = {
    "identity.key_missing": "Name a key with --key or CAMEL_EXT_KEY.",
    "identity.key_refused": "Take another key with --key or CAMEL_EXT_KEY. `camel-ext up` writes the "
    "owner's into its data directory, as owner.key.",
    "identity.role_too_low": "Ask an owner of the project for a key with that role.",
    "workflows.run_unknown": "`camel-ext runs` lists what there is.",
    "workflows.configuration_unknown": "`camel-ext apply -f DIR` applies one.",
    "datasets.dataset_unknown": "`camel-ext dataset` lists them.",
    "datasets.version_unknown": "`camel-ext dataset versions NAME` lists them.",
    "interactions.archive_away": "`camel-ext interactions export --skip-missing` exports the rest.",
    "core.precondition_failed": "Somebody changed it meanwhile: look again, then repeat.",
}


def exit_for_status(status: int) -> Exit:
    """Return the exit code of an HTTP status of the server."""
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return Exit.BUG if status >= 500 else Exit.USAGE


def explain(error: Exception) -> Explained | None:
    """Return an error as it is shown; None where it is a bug of ours."""
    if isinstance(error, Stop):
        return Explained(error.code, error.message, error.advice)
    from camel_ext_client import ApiError, Unreachable

    from camel_ext.core.errors import CamelExtError  # here: `--help` needs none of these

    if isinstance(error, Unreachable):
        advice = (
            "Start the server with `camel-ext up`, or name another one with --url or CAMEL_EXT_URL."
        )
        return Explained(Exit.UNREACHABLE, f"{_sentence(str(error))}", advice)
    if isinstance(error, ApiError):
        return Explained(
            exit_for_status(error.status),
            _sentence(error.detail),
            _ADVICE.get(error.code, ""),
            error.code,
            error.trace_id,
            error.errors,
        )
    if isinstance(error, CamelExtError):
        code = exit_for_status(error.status)
        return Explained(code, _sentence(str(error)), _ADVICE.get(error.code, ""), error.code)
    return _of_database(error) if "sqlalchemy" in sys.modules else None


def _of_database(error: Exception) -> Explained | None:
    """Return an error of the database's driver as it is shown; None where it is none."""
    import sqlite3

    from camel_ext.core.database import map_error

    code = getattr(getattr(error, "orig", None), "sqlite_errorcode", 0) or 0
    if code & 0xFF in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return Explained(
            Exit.CONFLICT,
            "The database file in the data directory is damaged, or is something else.",
            "Bring back a copy of it, or move it away to start anew; nothing was changed.",
            "cli.database_damaged",
        )
    mapped = map_error(error)
    if mapped is None:
        return None
    first = _sentence(" ".join(str(mapped).split())[:300])
    advice = "Is it running, and is CAMEL_EXT_DATABASE__URL right?"
    return Explained(exit_for_status(mapped.status), first, advice, mapped.code)


def _sentence(text: str) -> str:
    text = text.strip()
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?", "`")) or "\n" in text else text + "."
