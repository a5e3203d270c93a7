"""The shapes of how the server is, with the names that its OpenAPI says."""

from typing import Literal, TypedDict


class DependencyPolicy(TypedDict):
    """How one thing outside is asked."""

    timeout_s: float
    tries: int
    budget: float
    failures: int | None
    open_s: float
    at_once: int


class DependencySeen(TypedDict):
    """One thing outside the server, and how it is."""

    name: str
    state: Literal["up", "down", "unknown", "off"]
    since: str | None
    lost: str
    meanwhile: str
    error: str | None
    calls: int
    failed: int
    refused: int
    in_use: int
    circuit: Literal["closed", "open", "half-open"]
    policy: DependencyPolicy | None


class Health(TypedDict):
    """How the server is."""

    status: str
    version: str
    dependencies: list[DependencySeen]


class LogMonths(TypedDict):
    """How far the months of the log are made, on PostgreSQL."""

    until: str
    ahead: int
    outside: bool


class Status(TypedDict):
    """What works, what does not, and since when."""

    state: Literal["ok", "degraded", "down"]
    version: str
    dependencies: list[DependencySeen]
    log_months: LogMonths | None
