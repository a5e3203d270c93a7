"""Recording for tests: through the journal, as serving does it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from random import Random
from typing import Any
from uuid import UUID

import pytest

from camel_ext.core.clock import SystemClock
from camel_ext.core.database import Database
from camel_ext.core.journal import Append
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.core.threads import ThreadLanes
from camel_ext.interactions import Answer, Prompt, Recorded, Recorder, Thread
from camel_ext.registry import ResolvedModel
from tests.conftest import House
from tests.interactions.calls import MODEL, answer, asker, prompt, recorder, user
from tests.statements import counted

Record = Callable[..., Awaitable[Recorded]]


def recording(runtime: Runtime, tenant: Tenant, principal_id: UUID | None = None) -> Record:
    """A function that records one call durably."""
    log: Recorder = recorder(runtime)

    async def record(
        asked: Prompt | str = "hello",
        reply: Answer | str = "yes",
        *,
        thread: Thread | None = None,
        model: ResolvedModel = MODEL,
        **who: Any,
    ) -> Recorded:
        asked = prompt([user(asked)]) if isinstance(asked, str) else asked
        reply = answer(reply) if isinstance(reply, str) else reply
        said = log.record(asker(tenant, principal_id, **who), model, asked, reply, thread=thread)
        await runtime.gate.append(Append(tenant, said.entries))
        said.keep()
        return said

    return record


@pytest.fixture
def record(runtime: Runtime, tenant: Tenant) -> Record:
    """Records a call of the local organisation."""
    return recording(runtime, tenant)


@pytest.fixture
async def sqlite_runtime(sqlite_url: str) -> AsyncIterator[Runtime]:
    """A runtime on SQLite, for what asks SQLite how it does something."""
    runtime = Runtime(Database(sqlite_url), SystemClock(), Random(7), ThreadLanes())
    yield runtime
    await runtime.close()


@pytest.fixture
def house_record(house: House) -> Record:
    """Records a call in the running app, as its owner."""
    return recording(house.runtime, house.owner.tenant, house.owner.principal_id)


@pytest.fixture
def statements(runtime: Runtime) -> Iterator[list[str]]:
    """What the runtime's readers execute, from here on."""
    with counted(runtime) as seen:
        yield seen


@pytest.fixture
def house_statements(house: House) -> Iterator[list[str]]:
    """What the running app's readers execute for tables of this room."""
    with counted(house.runtime, ("interaction",)) as seen:
        yield seen
