"""How this process is: whether it lives, whether it is ready, and what of the things outside works.

No route here takes a key, because they are asked when keys cannot be proven; so none tells an address, a
name that somebody gave, or the words of an error.
"""

import shutil
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Literal

from fastapi import FastAPI, Response
from pydantic import BaseModel, Field

from camel_ext import __version__
from camel_ext.core.dependencies import REDIS, Condition, Seen
from camel_ext.core.errors import Unavailable
from camel_ext.core.http import problems
from camel_ext.core.runtime import DATABASE, Runtime
from camel_ext.serving import serving_of

LOW_BYTES = 300 * 10**6
DISK_LOST = "trainings, exports and the database stop with an error where they need room"
NO_REDIS = "text that another process makes is not seen live; limits count in each process"
BY_DATABASE = "the feed, runs and answers go by the database"


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


class StatusShown(BaseModel):
    state: Literal["ok", "degraded", "down"] = Field(
        description="`down`: the database; `degraded`: something else; `ok`: neither."
    )
    version: str = Field(description="Version of camel-extensions.")
    dependencies: list[DependencyShown] = Field(description="What this process depends on.")


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
        await runtime.read_system("readiness", lambda db: db.connection())
        return Health(status="ok", version=__version__, dependencies=_shown(runtime, data_dir))

    app.add_api_route("/readyz", ready, include_in_schema=False)

    @app.get(
        "/api/v1/status",
        tags=["health"],
        summary="What works, what does not, and since when",
        responses={503: problems(503)[503]},
    )
    async def status(response: Response) -> StatusShown:
        runtime: Runtime = app.state.runtime
        with suppress(Unavailable):  # it is told below
            await runtime.read_system("status", lambda db: db.connection())
        response.headers["Cache-Control"] = "no-store"
        dependencies = _shown(runtime, data_dir)
        return StatusShown(
            state=_state(dependencies), version=__version__, dependencies=dependencies
        )


def _state(dependencies: list[DependencyShown]) -> Literal["ok", "degraded", "down"]:
    down = {each.name for each in dependencies if each.state is Condition.DOWN}
    if DATABASE in down:
        return "down"
    return "degraded" if down else "ok"


def _shown(runtime: Runtime, data_dir: Path) -> list[DependencyShown]:
    seen = [each.seen() for each in runtime.dependencies.values()]
    if REDIS not in runtime.dependencies:
        seen.append(Seen(REDIS, Condition.OFF, None, NO_REDIS, BY_DATABASE))
    seen += [serving_of(runtime).seen(), _disk(data_dir)]
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
        )
        for each in seen
    ]


def _disk(data_dir: Path) -> Seen:
    try:
        room = shutil.disk_usage(data_dir.expanduser()).free
    except OSError as error:
        kind = type(error).__name__
        return Seen("disk", Condition.DOWN, None, DISK_LOST, "what needs no file goes on", kind)
    low = room < LOW_BYTES
    condition = Condition.DOWN if low else Condition.UP
    return Seen("disk", condition, None, DISK_LOST, "what needs no room goes on")
