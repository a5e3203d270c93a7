"""What can go wrong between this client and the server.

    ClientError
    ├── ApiError       the server answered, and said no: status, stable code, sentence, trace id
    └── Unreachable    nobody answered, or not a camel-ext server

It does not say what a code means: `docs/errors.md` of the server does.
"""

from typing import Any


class ClientError(Exception):
    """The root of this client's errors."""


class ApiError(ClientError):
    """The server refused; `detail` says what happened, what it means and what to do next."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        trace_id: str | None = None,
        errors: list[dict[str, Any]] | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.trace_id = trace_id
        self.errors = errors or []
        self.retry_after_s = retry_after_s


class Unreachable(ClientError):
    """No answer came from the address, after some tries."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"no answer from {url}: {reason}")
        self.url = url
        self.reason = reason
