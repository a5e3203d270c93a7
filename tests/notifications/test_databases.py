"""The same on each database with its own clock: two leaders, a worker, a real receiver, real seconds."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from camel_ext.core.door import TenantDoor
from camel_ext.core.models import State
from camel_ext.core.outbox import number_committed, publish
from camel_ext.core.runtime import Runtime
from camel_ext.notifications import deliveries, inbox
from camel_ext.notifications.channels import create_channel
from camel_ext.notifications.leader import Leader
from camel_ext.notifications.models import Delivery, Notice, ReadOne
from camel_ext.notifications.rules import create_rule
from camel_ext.notifications.schemas import ChannelCreate, RuleChange
from camel_ext.notifications.sending import EXTRA, Office
from camel_ext.settings import Settings
from tests.notifications.conftest import ADA, HOME, TENANT, Receiver, failed
from tests.working import working

EVENTS = 60


async def happen(runtime: Runtime, *subjects: str) -> None:
    def say(db: Any) -> None:
        for subject in subjects:
            publish(db, runtime.clock, failed(subject))

    await runtime.write(TENANT, say)
    await runtime.gate.write(lambda connection, _: number_committed(connection), acting="test")


async def rows(runtime: Runtime, entity: Any) -> list[Any]:
    return await runtime.read(TENANT, lambda db: list(db.scalars(select(entity))))


async def test_two_leaders_and_a_worker_deliver_each_event_once(
    runtime: Runtime, receiver: Receiver
) -> None:
    settings = Settings.model_validate({"outbound": {"allowed_networks": HOME}})
    runtime.extras[EXTRA] = Office(runtime, settings)
    door = TenantDoor(runtime, TENANT, ADA)
    hook = {"name": "hook", "config": {"kind": "webhook", "url": receiver.url}}
    await runtime.write(TENANT, create_channel, door, ChannelCreate.model_validate(hook))
    told = RuleChange(name="all", channel="hook", event_types=[failed().type])
    await runtime.write(TENANT, create_rule, door, told)
    leaders = [
        Leader(runtime, name=name, lease_s=1.0, poll_s=0.05, keep_s=90 * 86_400.0)
        for name in ("one", "two")
    ]
    running = [asyncio.create_task(each.run()) for each in leaders]
    async with working(runtime, concurrency=4):
        for start in range(0, EVENTS, 10):
            await happen(runtime, *(f"run-{n}" for n in range(start, start + 10)))
        async with asyncio.timeout(60):
            while True:
                sent = await rows(runtime, Delivery)
                if len(sent) >= EVENTS and all(each.state.is_final for each in sent):
                    break
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)  # what would come twice comes now
    for each in running:
        each.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    assert {each.state for each in await rows(runtime, Delivery)} == {State.SUCCEEDED}
    noticed = [n.subject for n in await rows(runtime, Notice) if not n.in_inbox]
    assert sorted(noticed) == sorted(f"run-{n}" for n in range(EVENTS))
    heard = [each.headers["webhook-id"] for each in receiver.heard]
    assert len(heard) == len(set(heard)) == EVENTS
    assert (await runtime.read(TENANT, inbox.count_unread, ADA)).unread == EVENTS


async def test_what_is_old_is_forgotten_with_who_read_it(runtime: Runtime) -> None:
    leader = Leader(runtime, name="one", lease_s=1.0, poll_s=0.05, keep_s=90 * 86_400.0)
    await happen(runtime, "run-1", "run-2")
    await leader.turn()
    first, second = await rows(runtime, Notice)
    await runtime.write(
        TENANT,
        lambda db: inbox.mark_read(db, runtime.clock, ADA, [first.id], everything=False),
    )
    assert len(await rows(runtime, ReadOne)) == 1
    soon = max(first.created_at, second.created_at) + (second.created_at - first.created_at) * 2
    keep = soon - max(first.created_at, second.created_at)
    dropped = await runtime.write_system("test", deliveries.forget_old, soon + keep, keep)
    assert dropped == 2
    assert await rows(runtime, ReadOne) == []


@pytest.mark.parametrize("count", [150])
async def test_more_than_a_hundred_are_not_counted(runtime: Runtime, count: int) -> None:
    leader = Leader(runtime, name="one", lease_s=1.0, poll_s=0.05, keep_s=90 * 86_400.0)
    await happen(runtime, *(f"run-{n}" for n in range(count)))
    while await leader.turn() == 0.0:
        pass
    told = await runtime.read(TENANT, inbox.count_unread, ADA)
    assert (told.unread, told.more) == (100, True)
