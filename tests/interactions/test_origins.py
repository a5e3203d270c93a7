"""Where interactions come from, by id."""

from uuid import UUID

from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.interactions import Purpose, read_origins
from tests.interactions.conftest import Record


async def test_those_that_are_there_are_found(
    record: Record, runtime: Runtime, tenant: Tenant
) -> None:
    run_id = UUID(int=5)
    first = await record(run_id=run_id, tags=["topic:rivers", "x"])
    other = await record(purpose=Purpose.SAMPLE, forked_from_id=first.id)
    found = await runtime.read(tenant, read_origins, [other.id, first.id, first.id, UUID(int=9)])
    assert found.keys() == {first.id, other.id}
    assert found[first.id].run_id == run_id
    assert found[first.id].tags == ["topic:rivers", "x"]
    assert (found[other.id].purpose, found[other.id].forked_from_id) == (Purpose.SAMPLE, first.id)
    assert found[other.id].prompt_hash == found[first.id].prompt_hash
    assert found[other.id].error_code is None


async def test_another_tenant_finds_nothing(record: Record, runtime: Runtime) -> None:
    mine = await record()
    assert await runtime.read(Tenant(UUID(int=1), UUID(int=2)), read_origins, [mine.id]) == {}
