"""A log of a million calls, to look at and to measure: made by the real recorder, written in bulk.

Thirty days of a team of three agents, busier by day, one call in fifty failed. Each row is what
`Recorder` gives for a call, body, tags and usage included; only its event is left out. What is made is
a data folder: `CAMEL_EXT_DATA_DIR=FOLDER camel-ext up` serves it. It measures nothing; who uses it does.

    python -m bench.million --data-dir /tmp/million [--rows 1000000]
"""

import argparse
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import pi, sin
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Connection

from camel_ext import rooms
from camel_ext.core.database import Database
from camel_ext.core.ids import uuid7
from camel_ext.core.migrate import migrate
from camel_ext.core.tenancy import Tenant, system_session
from camel_ext.identity import bootstrap
from camel_ext.interactions import Answer, Asker, Prompt, Purpose, Recorder
from camel_ext.interactions.recording import (
    INSERT_BODY,
    INSERT_INTERACTION,
    INSERT_TAG,
    INSERT_USAGE,
)
from camel_ext.registry import EngineKind, ResolvedModel
from camel_ext.registry.resolve import Price

BATCH = 5_000
KEPT = (INSERT_INTERACTION, INSERT_BODY, INSERT_TAG, INSERT_USAGE)
DAYS = 30
AGENTS = ("proposer", "executor", "reviewer")
VERSIONS = tuple(UUID(int=n) for n in (1, 2, 3))
ERRORS = ("serving.engine_timeout", "serving.engine_failed", "serving.context_too_long")
THINGS = ("sky", "sea", "flame", "glacier", "whale", "leaf", "river", "moon", "stone", "cloud")
COLOURS = ("blue", "green", "red", "white", "grey", "yellow", "black", "brown")
PURPOSES = (Purpose.RUN, Purpose.SAMPLE, Purpose.EVAL, Purpose.REPLAY)


class Stepping:
    """A clock that says what it is told."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def monotonic_s(self) -> float:
        return self.at.timestamp()

    async def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def calls(rng: Random, tenant: Tenant, principal_id: UUID, rows: int) -> Iterator[tuple[Any, ...]]:
    """Yield who asked which version what, what came back, and how many seconds later, in order."""
    run_id, step = UUID(int=rng.getrandbits(128), version=4), 0
    for number in range(rows):
        if number % 12 == 0:
            run_id, step = UUID(int=rng.getrandbits(128), version=4), 0
        agent = AGENTS[step % 3]
        thing, colour = rng.choice(THINGS), rng.choice(COLOURS)
        version = rng.choices(VERSIONS, (70, 28, 2))[0]
        asker = Asker(
            tenant, principal_id, source="workflows", session=f"user-{rng.randrange(5_000)}",
            purpose=rng.choices(PURPOSES, (90, 6, 3, 1))[0], agent_id=agent, run_id=run_id,
            step_key=f"round[{step // 3}]/{agent}", trace_id=run_id.hex,
            tags=[f"topic:{thing}", *(["held-out"] if number % 17 == 0 else [])],
        )  # fmt: skip
        text = f"Why is the {thing} {colour}? Say it in one sentence, number {number}."
        messages = [{"role": "user", "content": text}]
        params = {"temperature": 0.7, "seed": number}
        sent = msgspec.json.encode({"model": "small", "messages": messages, **params})
        daily = 1.0 + 0.8 * sin(2 * pi * number / rows * DAYS)
        yield (
            asker,
            version,
            Prompt(messages, sent, params, None, None, 0),
            answer(rng, thing, colour),
            rng.expovariate(1) * daily,
        )
        step += 1


def answer(rng: Random, thing: str, colour: str) -> Answer:
    """Return what came back: a sentence, or one in fifty times nothing."""
    if rng.random() < 0.02:
        return Answer(30_000.0, error_code=rng.choice(ERRORS), error_detail="nobody answered")
    text = f"The {thing} is {colour} because light of other colours is absorbed by it."
    raw = {"choices": [{"index": 0, "message": {"role": "assistant", "content": text},
                        "finish_reason": "stop"}]}  # fmt: skip
    written = rng.randrange(8, 60)
    why = "length" if written > 55 else "stop"
    return Answer(written * 45.0, raw, why, 200 + rng.randrange(30), written, 90, 80.0)


def fill(database: Database, rows: int, *, seed: int = 1, until: datetime | None = None) -> Tenant:
    """Write so many calls of the local organisation, the newest one at `until` (now)."""
    rng, until = Random(seed), until or datetime.fromtimestamp(time.time(), UTC)
    began = until - timedelta(days=DAYS)
    clock = Stepping(began)

    def new_id() -> UUID:
        return uuid7(clock, rng)

    with database.begin() as connection, database.session_on(connection, None) as session:
        system_session(session, "bench")
        founded = bootstrap(session, clock, new_id)
        session.commit()
    recorder, second = Recorder(clock, new_id), timedelta(days=DAYS) / max(rows, 1)
    models = {
        each: ResolvedModel(
            each, "small", EngineKind.LOCAL, {"file": "b"}, Price(1, 2), alias="small"
        )
        for each in VERSIONS
    }
    made: dict[Any, list[dict[str, Any]]] = {}
    asked = calls(rng, founded.tenant, founded.principal_id, rows)
    for number, (asker, version, prompt, got, later) in enumerate(asked, 1):
        clock.at = min(clock.at + second * later, until)
        for statement, row in recorder.record(asker, models[version], prompt, got).entries:
            if statement in KEPT:
                made.setdefault(statement, []).append(row)
        if number % BATCH == 0 or number == rows:
            with database.begin() as connection:
                write(connection, made)
            made.clear()
    return founded.tenant


def write(connection: Connection, made: dict[Any, list[dict[str, Any]]]) -> None:
    """Write the rows of one batch, statement by statement."""
    for statement, rows in made.items():
        connection.execute(statement, rows)


def make(data_dir: Path, rows: int) -> None:
    """Make a data folder with so many calls, and say how long it took."""
    rooms.import_models()
    data_dir.mkdir(parents=True)
    database = Database(f"sqlite:///{data_dir / 'camel-ext.db'}")
    migrate(database)
    began = time.monotonic()
    fill(database, rows)
    database.close()
    size_mb = (data_dir / "camel-ext.db").stat().st_size / 1e6
    print(f"{rows} calls in {time.monotonic() - began:.0f} s, {size_mb:.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=1_000_000)
    options = parser.parse_args()
    make(options.data_dir, options.rows)


if __name__ == "__main__":
    main()
