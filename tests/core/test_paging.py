"""Cursors: every row once, in order, at any page size; garbage is BadCursor and nothing else."""

import base64
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from camel_ext.core import jobs
from camel_ext.core.models import EPOCH, Job
from camel_ext.core.paging import (
    BadCursor,
    Place,
    decode_cursor,
    encode_cursor,
    fetch_page,
    page_of_few,
)
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from tests.fakes.clock import FakeClock

MOMENTS = st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30))  # noqa: DTZ001


@given(MOMENTS, st.uuids())
def test_a_cursor_comes_back_as_it_went(moment: datetime, row_id: UUID) -> None:
    aware = moment.replace(tzinfo=UTC)
    assert decode_cursor(encode_cursor(aware, row_id)) == (aware, row_id)


@given(st.text(max_size=300) | st.binary(max_size=200).map(lambda b: base64.b64encode(b).decode()))
def test_garbage_is_refused_or_understood(cursor: str) -> None:
    try:
        moment, row_id = decode_cursor(cursor)
    except BadCursor:
        return
    assert (moment.tzinfo, type(row_id)) == (EPOCH.tzinfo, UUID)


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 100_000, b"[]", b"[1]", b"[1,2,3]", b'["a","b"]', b"[1,null]", b"[1e999,1]", b"[NaN,1]",
        b"[1" + b"0" * 100 + b',"00000000000000000000000000000000"]', b"{}", b"\xff\xfe", b"null",
    ],
)  # fmt: skip
def test_these_are_refused(raw: bytes) -> None:
    with pytest.raises(BadCursor):
        decode_cursor(base64.urlsafe_b64encode(raw).decode().rstrip("="))


@pytest.mark.parametrize("limit", [1, 3, 7, 50])
async def test_pages_hold_every_row_once(
    core: Runtime, tenant: Tenant, clock: FakeClock, limit: int
) -> None:
    def fill(db: Session) -> None:
        for number in range(20):
            if number % 3 == 0:  # several rows share an instant
                clock.advance(1)
            jobs.enqueue(db, clock, core.new_id(), "test.work", {})

    def walk(db: Session) -> list[UUID]:
        seen: list[UUID] = []
        place = Place(limit)
        while True:
            rows, cursor = fetch_page(db, select(Job), Job.created_at, Job.id, place)
            few = page_of_few(db.scalars(select(Job)), Job.created_at, Job.id, place)
            assert few == (rows, cursor)
            seen += [row.id for row in rows]
            if cursor is None:
                return seen
            place = Place(limit, decode_cursor(cursor))

    await core.write(tenant, fill)
    seen = await core.read(tenant, walk)
    ordered = select(Job.id).order_by(Job.created_at.desc(), Job.id.desc())
    assert seen == await core.read(tenant, lambda db: list(db.scalars(ordered)))
    assert len(seen) == 20


def test_the_last_page_names_no_next() -> None:
    assert encode_cursor(EPOCH + timedelta(1), UUID(int=1)) != encode_cursor(EPOCH, UUID(int=1))
