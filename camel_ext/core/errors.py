"""The error tree: status and code live on the class, one handler renders RFC 9457.

    CamelExtError 500
    ├── Invalid 422               what was sent is wrong; says which field and what would be right
    ├── Unauthorized 401          we do not know who is asking
    ├── Forbidden 403             we know, and it may not
    ├── NotFound 404              not there, or not yours: the answer is the same
    ├── Conflict 409              it is there, but in another state
    ├── PreconditionFailed 412    somebody changed it since you read it
    ├── PreconditionRequired 428  say which version you mean to change
    ├── TooLarge 413
    ├── QuotaExceeded 429
    ├── Unavailable 503           may be retried (after `retry_after_s`)
    └── InsufficientStorage 507   the disk is full; nothing was changed

A room subclasses these and never sets a status by hand. A failed run is data, not one of these.
This module is not about logging or retrying errors.
"""

import re
from typing import Any, ClassVar


class CamelExtError(Exception):
    """The root: `detail` says what happened, what it means, what to do next."""

    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(
        self, detail: str = "", *, retry_after_s: float | None = None, **fields: Any
    ) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s
        self.detail = detail or (self.__doc__ or type(self).__name__).strip().splitlines()[0]
        self.fields = fields

    @property
    def code(self) -> str:
        return error_code(type(self))

    @property
    def title(self) -> str:
        return re.sub(r"(?<!^)(?=[A-Z])", " ", type(self).__name__).capitalize()

    def __str__(self) -> str:
        return self.detail


def error_code(cls: type[CamelExtError]) -> str:
    """Return the stable code of an error class: its room, then its name in snake case."""
    room = cls.__module__.removeprefix("camel_ext.").split(".")[0]
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()
    return f"{room}.{name}"


class Invalid(CamelExtError):
    """What was sent cannot be used."""

    status = 422


class Unauthorized(CamelExtError):
    """No valid key came with the request."""

    status = 401


class Forbidden(CamelExtError):
    """Your role does not allow this."""

    status = 403


class NotFound(CamelExtError):
    """There is nothing by that name that you may see."""

    status = 404


class Conflict(CamelExtError):
    """The thing is in a state that does not allow this."""

    status = 409


class PreconditionFailed(CamelExtError):
    """Somebody changed it since you read it: read it again, then repeat your change."""

    status = 412


class PreconditionRequired(CamelExtError):
    """Send If-Match with the ETag you read, so that no change of another person is lost."""

    status = 428


class TooLarge(CamelExtError):
    """The request is larger than this server accepts."""

    status = 413


class QuotaExceeded(CamelExtError):
    """A limit is used up."""

    status = 429


class Unavailable(CamelExtError):
    """Something this needs is not there right now; trying again later is safe."""

    status = 503
    retryable = True


class InsufficientStorage(CamelExtError):
    """The disk is full: nothing was changed. Free some space and try again."""

    status = 507
