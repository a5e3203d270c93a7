"""What is remembered is forgotten by a word, at the latest after a time, and never kept when it was late."""

import asyncio

from sqlalchemy.orm import Session

from camel_ext.core.caching import FORGET, Remembered, forget
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from tests.fakes.clock import FakeClock


class Source:
    """What is asked where nothing is remembered; it can be held."""

    def __init__(self) -> None:
        self.asked, self.value = 0, "old"
        self.free = asyncio.Event()
        self.free.set()

    async def read(self) -> str:
        self.asked += 1
        value = self.value
        await self.free.wait()
        return value


async def test_it_asks_once_until_somebody_says_that_it_changed(
    core: Runtime, tenant: Tenant, clock: FakeClock
) -> None:
    source, remembered = Source(), Remembered[str, str](core)
    for _ in range(3):
        assert await remembered.get("a", source.read) == "old"
    assert source.asked == 1

    def change(db: Session) -> None:
        source.value = "new"
        forget(db)

    await core.write(tenant, change)
    assert await remembered.get("a", source.read) == "new"  # at once, in the same process
    clock.advance(5.1)
    source.value = "newer"  # and nobody said so
    assert await remembered.get("a", source.read) == "newer"


async def test_what_rolls_back_is_not_forgotten(core: Runtime, tenant: Tenant) -> None:
    source, remembered = Source(), Remembered[str, str](core)
    await remembered.get("a", source.read)

    def fail(db: Session) -> None:
        forget(db)
        raise ValueError

    for _ in range(2):
        try:
            await core.write(tenant, fail)
        except ValueError:
            await remembered.get("a", source.read)
    assert source.asked == 1


async def test_what_was_read_before_a_change_is_not_kept_after_it(core: Runtime) -> None:
    source, remembered = Source(), Remembered[str, str](core)
    source.free.clear()
    late = asyncio.create_task(remembered.get("a", source.read))
    await asyncio.sleep(0)
    source.value = "new"
    core.gate.signal_from_elsewhere(frozenset({FORGET}))
    source.free.set()
    assert await late == "old"  # it began before
    assert await remembered.get("a", source.read) == "new"


async def test_it_is_bounded(core: Runtime) -> None:
    source, remembered = Source(), Remembered[int, str](core, most=3)
    for number in range(5):
        await remembered.get(number, source.read)
    await remembered.get(4, source.read)
    await remembered.get(0, source.read)
    assert source.asked == 6
