"""The log by months, on PostgreSQL: made ahead, pages led to them, freed when all words of one have left.

`interactions` and `interaction_bodies` are divided by ranges of `id`, a UUIDv7 and so a time. Whatever no
month takes goes to a default part, so that nothing is refused; a month that is made late takes its rows out
of there. The functions that change tables act as their owner, as the platform's role may own nothing
(docs/adr/0027). On SQLite the log is one table, and nothing here is called.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Uuid, column, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from camel_ext.core.database import LockTooLong
from camel_ext.core.errors import CamelExtError
from camel_ext.core.models import EPOCH, to_micros
from camel_ext.core.runtime import Runtime
from camel_ext.interactions.models import Interaction, InteractionBody

log = logging.getLogger(__name__)
DIVIDED = (Interaction, InteractionBody)
AHEAD = 2  # months that are there before their time: upkeep may be late by so many
FIRST_S = 60.0  # a start has better things to do
EVERY_S, AGAIN_S = 3_600.0, 60.0
LOOKS, LOOK_S = 20, 0.1  # at months that another is making
MARGIN = timedelta(days=7)  # an id is made as its call begins, its row as it ends
REASON = "months of the log"
SEEN = "interactions.months"


@dataclass(frozen=True, slots=True)
class Months:
    """What the log is divided into."""

    count: int
    until: datetime
    outside: bool

    def ahead(self, now: datetime) -> int:
        """Return how many there are beyond the month of now; below 0, if not even that one is."""
        return 12 * (self.until.year - now.year) + self.until.month - now.month - 1


def first_id(at: datetime) -> UUID:
    """Return the id that is before every UUIDv7 made from then on."""
    return UUID(int=max(0, to_micros(at) // 1000) << 80)


def agreed(interaction_id: UUID, now: datetime) -> datetime:
    """Return the time of a row: now, but within the margin of its id's time where a clock jumped between.

    So `within` may look for rows of a time among the ids of that time.
    """
    if interaction_id.version != 7:
        return now
    since = timedelta(microseconds=to_micros(now) - (interaction_id.int >> 80) * 1000)
    return now - since + max(-MARGIN, min(since, MARGIN))


def within(since: datetime | None, until: datetime | None) -> Iterator[ColumnElement[bool]]:
    """Say which ids the interactions of a time may have, so that other months are not looked into."""
    if since is not None:
        yield Interaction.id >= first_id(since - MARGIN)
    if until is not None:
        yield Interaction.id < first_id(until + MARGIN)


def are_divided(db: Session) -> bool:
    """Tell whether the session's log is divided by months."""
    return db.get_bind().dialect.name == "postgresql"


def read_months(db: Session) -> Months:
    """Return how the log is divided, and whether anything lies outside of all months."""
    parts = {entity: _parts(db, entity) for entity in DIVIDED}
    ends = {entity: max(each for _, each, _ in found if each) for entity, found in parts.items()}
    outside = [db.scalar(select(e.id).where(e.id >= ends[e]).limit(1)) for e in DIVIDED]
    until = EPOCH + timedelta(milliseconds=min(ends.values()).int >> 80)
    return Months(len(parts[Interaction]) - 1, until, any(outside))


def _parts(db: Session, entity: Any) -> list[tuple[str, UUID | None, int]]:
    """Return each part's name, the id it ends before (None: the default part), and its rows' bytes."""
    columns: Any = column("part"), column("ends_before", Uuid()), column("bytes", BigInteger)
    parts = func.camel_ext_months(entity.__tablename__).table_valued(*columns)
    return [tuple(row) for row in db.execute(select(*parts.c))]


def add_month(db: Session, entity: Any) -> str | None:
    """Make the next month that is missing; return its name, or None: there are enough, or another does it.

    Raises: LockTooLong, where the default part is in use; nobody waits for us for longer than 0.2 s.
    """
    name: str | None = db.scalar(select(func.camel_ext_add_month(entity.__tablename__, AHEAD)))
    return name


def free_month(db: Session, part: str) -> int:
    """Give the disk of a part of the bodies back if no row is left in it; return how many bytes.

    Raises: LockTooLong.
    """
    return db.scalar(select(func.camel_ext_free_month(part))) or 0


async def free_emptied(runtime: Runtime) -> int:
    """Give the disk of each emptied month back; what is in use is left for the next time. Return the bytes."""
    freed = 0
    for part, _, size_bytes in await runtime.read_system(REASON, _parts, InteractionBody):
        if size_bytes:
            try:
                bytes_ = await runtime.write_system(REASON, free_month, part)
            except LockTooLong:
                continue
            if bytes_:
                log.info("all words of %s have left: %d bytes are free", part, bytes_)
            freed += bytes_
    return freed


async def keep_up(runtime: Runtime) -> None:
    """Make the months to come, and free those that are emptied.

    Several processes may do so at once: who finds another at one log looks again until both are done.
    """
    for _ in range(LOOKS):
        for entity in DIVIDED:
            while (made := await runtime.write_system(REASON, add_month, entity)) is not None:
                log.info("%s is there for what is to come", made)
        if _are_enough(await runtime.read_system(REASON, read_months), runtime.clock.now()):
            break
        await runtime.clock.sleep(LOOK_S)
    await free_emptied(runtime)
    months = runtime.extras[SEEN] = await runtime.read_system(REASON, read_months)
    if months.outside:
        log.warning("calls lie outside of all months: did a clock of this platform run ahead?")


def _are_enough(months: Months, now: datetime) -> bool:
    return months.ahead(now) >= AHEAD


def months_seen(runtime: Runtime) -> Months | None:
    """Return how the log was divided when this process last looked; None: it did not, or is on SQLite."""
    seen: Months | None = runtime.extras.get(SEEN)
    return seen


async def find_months(runtime: Runtime) -> Months | None:
    """Return how the log was divided when this process last looked, or looks; None on SQLite."""
    if runtime.database.is_sqlite:
        return None
    return months_seen(runtime) or await runtime.read_system(REASON, read_months)


@asynccontextmanager
async def kept_up(runtime: Runtime) -> AsyncIterator[None]:
    """Keep the months while the block lasts."""
    task = asyncio.create_task(_run(runtime), name="months of the log")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def _run(runtime: Runtime) -> None:
    pause_s = FIRST_S
    while True:
        await runtime.clock.sleep(pause_s)
        pause_s = EVERY_S
        try:
            await keep_up(runtime)
        except (CamelExtError, SQLAlchemyError) as error:
            pause_s = AGAIN_S
            log.warning("the log's months could not be made, which is tried again: %s", error)
