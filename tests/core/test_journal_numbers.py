"""What the journal announces is numbered in the very commit that writes it, behind what came before."""

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from camel_ext.core import outbox
from camel_ext.core.journal import Append
from camel_ext.core.models import FeedHead, OutboxRow
from camel_ext.core.numbering import NUMBERED_HERE
from camel_ext.core.outbox import Event, event_type, outbox_entry
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from tests.core.test_journal import turn


@event_type("tests.number.taken")
@dataclass(frozen=True)
class Taken(Event):
    n: int = 0


def announcing(runtime: Runtime, tenant: Tenant, subject: str) -> Append:
    """One shelf with one book, announced."""
    made = turn(runtime, tenant, subject)
    made.entries.append(outbox_entry(tenant, runtime.clock, Taken(subject)))
    return made


async def publish(runtime: Runtime, tenant: Tenant, *subjects: str) -> None:
    """Announce something in a door's transaction."""

    def tell(db: Session) -> None:
        for subject in subjects:
            outbox.publish(db, runtime.clock, Taken(subject))

    await runtime.write(tenant, tell)


async def feed(runtime: Runtime, tenant: Tenant) -> list[tuple[int | None, str]]:
    """The organisation's events in the order in which they were written."""

    def read(db: Session) -> list[Any]:
        return list(db.execute(select(OutboxRow.seq, OutboxRow.subject).order_by(OutboxRow.id)))

    return [(seq, subject) for seq, subject in await runtime.read(tenant, read)]


async def head(runtime: Runtime, tenant: Tenant) -> int | None:
    def read(db: Session) -> int | None:
        return db.scalar(select(FeedHead.last_seq))

    return await runtime.read(tenant, read)


async def test_an_append_is_numbered_as_it_is_written(core: Runtime, tenant: Tenant) -> None:
    heard = []
    core.gate.listen(NUMBERED_HERE, lambda: heard.append(1), elsewhere=False)
    await core.gate.append(announcing(core, tenant, "first"))
    assert await feed(core, tenant) == [(1, "first")]
    assert await head(core, tenant) == 1
    assert heard == [1]
    await core.gate.append(turn(core, tenant, "silent"))
    assert heard == [1]


async def test_what_was_committed_before_comes_before(core: Runtime, tenant: Tenant) -> None:
    other = Tenant(UUID(int=7), UUID(int=8))
    await publish(core, tenant, "queued", "again")
    await publish(core, other, "theirs")
    await core.gate.append(announcing(core, tenant, "started"))
    await publish(core, tenant, "asked")
    await core.gate.append(announcing(core, tenant, "ended"))
    told = [(1, "queued"), (2, "again"), (3, "started"), (4, "asked"), (5, "ended")]
    assert await feed(core, tenant) == told
    assert await feed(core, other) == [(1, "theirs")]
    assert (await head(core, tenant), await head(core, other)) == (5, 1)


@pytest.mark.parametrize("count", [2, 40])
async def test_a_batch_of_several_organisations(core: Runtime, tenant: Tenant, count: int) -> None:
    tenants = [tenant, Tenant(UUID(int=7), UUID(int=8))]
    appends = [announcing(core, tenants[n % 2], str(n)) for n in range(count)]
    await asyncio.gather(*(core.gate.append(append) for append in appends))
    for place, whose in enumerate(tenants):
        names = [str(n) for n in range(place, count, 2)]
        assert await feed(core, whose) == list(enumerate(names, start=1))
        assert await head(core, whose) == len(names)


async def test_what_is_refused_uses_up_no_number(core: Runtime, tenant: Tenant) -> None:
    first = announcing(core, tenant, "first")
    await core.gate.append(first)
    twin = announcing(core, tenant, "twin")
    twin.entries[0] = first.entries[0]
    batch = [announcing(core, tenant, "second"), twin, announcing(core, tenant, "third")]
    results = await asyncio.gather(
        *(core.gate.append(append) for append in batch), return_exceptions=True
    )
    assert [type(result) for result in results].count(type(None)) == 2
    assert await feed(core, tenant) == [(1, "first"), (2, "second"), (3, "third")]


async def test_more_than_can_be_numbered_at_once(
    core: Runtime, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [str(n) for n in range(outbox.DISPATCH_ROWS + 5)]
    await publish(core, tenant, *names)
    await core.gate.append(announcing(core, tenant, "last"))
    assert await feed(core, tenant) == list(enumerate([*names, "last"], start=1))
