"""How this process is: whether it lives, whether it is ready, and what of the things outside works.

No route here takes a key, because they are asked when keys cannot be proven; so none tells an address, a
name that somebody gave, or the words of an error.
"""

import shutil
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Literal

from fastapi import FastAPI, Response
from pydantic import BaseModel, ConfigDict, Field

from camel_ext import __version__
from camel_ext.core.dependencies import REDIS, Circuit, Condition, Seen
from camel_ext.core.disk import DISK
from camel_ext.core.errors import Unavailable
from camel_ext.core.http import problems
from camel_ext.core.runtime import DATABASE, Runtime
from camel_ext.interactions import find_months
from camel_ext.jobs import count_parked
from camel_ext.serving import SERVING, serving_of

LOW_BYTES = 300 * 10**6
NO_REDIS = (
    "text that another process makes is not seen live; limits count, and repeated answers are kept, in "
    "each process"
)
BY_DATABASE = "the feed, runs and answers go by the database"


class DependencyPolicyShown(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    timeout_s: float = Field(description="How long one call may take.")
    tries: int = Field(description="How often a call is tried, as long as retries have budget.")
    budget: float = Field(description="Retries there are at most; ten calls that work earn one.")
    failures: int | None = Field(
        description="Failures in a row after which it is left alone; null: never."
    )
    open_s: float = Field(description="For how long; the next call is the probe.")
    at_once: int = Field(description="Calls that go to it at the same time; more wait.")


class DependencyShown(BaseModel):
    name: str = Field(description="What it is.")
    state: Condition = Field(
        description="`up`, `down`, `unknown` (not asked yet) or `off` (not set)."
    )
    since: datetime | None = Field(description="Since when it is so, as far as this process knows.")
    lost: str = Field(description="What does not work without it.")
    meanwhile: str = Field(description="What works all the same.")
    error: str | None = Field(description="Kind of the last error, while it is down.")
    calls: int = Field(description="Calls since this process started.")
    failed: int = Field(description="Of these, how many were not answered.")
    refused: int = Field(description="Calls not sent, because it was left alone for a moment.")
    in_use: int = Field(description="Calls under way, where its places are counted here.")
    circuit: Circuit = Field(
        description="`closed`: it is asked; `open`: left alone; `half-open`: the next call probes."
    )
    policy: DependencyPolicyShown | None = Field(
        description="How it is asked; null: it is not asked."
    )


class LogMonthsShown(BaseModel):
    until: datetime = Field(description="When the last month of the log that is made ends.")
    ahead: int = Field(description="Months that are made beyond this one; 2 are usual.")
    outside: bool = Field(description="Whether calls lie outside of all months: a clock ran ahead.")


class StatusShown(BaseModel):
    state: Literal["ok", "degraded", "down"] = Field(
        description="`down`: the database; `degraded`: something else; `ok`: neither."
    )
    version: str = Field(description="Version of camel-extensions.")
    dependencies: list[DependencyShown] = Field(description="What this process depends on.")
    log_months: LogMonthsShown | None = Field(
        None,
        description="How far the log's months are made; null: on SQLite, or the database is away.",
    )


class Health(BaseModel):
    status: str = Field(description="`ok`, or what is wrong.")
    version: str = Field(description="Version of camel-extensions.")
    dependencies: list[DependencyShown] = Field(
        [], description="What this process depends on, where it is ready."
    )


def add_health(app: FastAPI, data_dir: Path) -> None:
    """Add the routes that say how the process is."""

    @app.get("/health/live", tags=["health"], summary="Is the process there?")
    async def live() -> Health:
        return Health(status="ok", version=__version__)

    @app.get(
        "/health/ready",
        tags=["health"],
        summary="Does the database answer?",
        responses={503: problems(503)[503]},
    )
    async def ready() -> Health:
        runtime: Runtime = app.state.runtime
        parked = await runtime.read_system("readiness", count_parked)
        shown = _shown(runtime, data_dir, parked)
        return Health(status="ok", version=__version__, dependencies=shown)

    app.add_api_route("/readyz", ready, include_in_schema=False)

    @app.get(
        "/api/v1/status",
        tags=["health"],
        summary="What works, what does not, and since when",
        responses={503: problems(503)[503]},
    )
    async def status(response: Response) -> StatusShown:
        runtime: Runtime = app.state.runtime
        parked, months = 0, None
        with suppress(Unavailable):  # it is told below
            parked = await runtime.read_system("status", count_parked)
            months = await _months(runtime)
        response.headers["Cache-Control"] = "no-store"
        dependencies = _shown(runtime, data_dir, parked)
        return StatusShown(
            state=_state(dependencies),
            version=__version__,
            dependencies=dependencies,
            log_months=months,
        )


async def _months(runtime: Runtime) -> LogMonthsShown | None:
    found = await find_months(runtime)
    if found is None:
        return None
    ahead = found.ahead(runtime.clock.now())
    return LogMonthsShown(until=found.until, ahead=ahead, outside=found.outside)


def _state(dependencies: list[DependencyShown]) -> Literal["ok", "degraded", "down"]:
    down = {each.name for each in dependencies if each.state is Condition.DOWN}
    if DATABASE in down:
        return "down"
    return "degraded" if down else "ok"


def _shown(runtime: Runtime, data_dir: Path, parked: int) -> list[DependencyShown]:
    return [
        DependencyShown(
            name=each.name,
            state=each.condition,
            since=each.since,
            lost=each.lost,
            meanwhile=each.meanwhile,
            error=each.error,
            calls=each.calls,
            failed=each.failed,
            refused=each.refused,
            in_use=each.in_use,
            circuit=each.circuit,
            policy=None
            if each.policy is None
            else DependencyPolicyShown.model_validate(each.policy),
        )
        for each in [*all_seen(runtime, data_dir), *_parked(parked)]
    ]


def _parked(jobs: int) -> list[Seen]:
    """Return what workers, who ask models, told the database: a server may ask none itself."""
    if not jobs:
        return []
    lost = f"jobs that wait for a model which did not answer their worker: {jobs}"
    meanwhile = "they go on by themselves once it does; other models and all else go on"
    return [Seen("models of jobs", Condition.DOWN, None, lost, meanwhile)]


def all_seen(runtime: Runtime, data_dir: Path) -> list[Seen]:
    """Return how everything is that this process depends on."""
    seen = [each.seen() for name, each in runtime.dependencies.items() if name != DISK]
    if REDIS not in runtime.dependencies:
        seen.append(Seen(REDIS, Condition.OFF, None, NO_REDIS, BY_DATABASE))
    if SERVING in runtime.extras:  # a scheduler asks no model
        seen += serving_of(runtime).seen()
    return [*seen, _disk(runtime, data_dir)]


def _disk(runtime: Runtime, data_dir: Path) -> Seen:
    """Return how the disk is: full, or stalled, or well, whether it was worked on or not."""
    seen = runtime.disk.dependency.seen()
    if seen.circuit is not Circuit.CLOSED:
        return replace(seen, condition=Condition.DOWN)
    try:
        room = shutil.disk_usage(data_dir.expanduser()).free
    except OSError as error:
        return replace(seen, condition=Condition.DOWN, error=type(error).__name__)
    return replace(seen, condition=Condition.DOWN if room < LOW_BYTES else Condition.UP)
