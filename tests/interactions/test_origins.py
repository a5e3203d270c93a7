"""Where interactions come from, by id."""

from uuid import UUID

from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.interactions import Purpose, list_candidates, read_external_ids, read_origins
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


async def test_each_of_a_family_names_all_of_it(
    record: Record, runtime: Runtime, tenant: Tenant
) -> None:
    first, stranger = await record(), await record()
    tries = [await record(purpose=Purpose.SAMPLE, forked_from_id=first.id) for _ in range(2)]
    family = [first.id, *(each.id for each in tries)]
    for asked in family:
        found = await runtime.read(tenant, list_candidates, asked)
        assert [each.id for each in found] == family
    alone = await runtime.read(tenant, list_candidates, stranger.id)
    assert [each.id for each in alone] == [stranger.id]
    assert await runtime.read(tenant, list_candidates, UUID(int=9)) == []
    elsewhere = Tenant(UUID(int=1), UUID(int=2))
    assert await runtime.read(elsewhere, list_candidates, first.id) == []


async def test_external_ids_by_their_beginning(
    record: Record, runtime: Runtime, tenant: Tenant
) -> None:
    for source, name in (("fork", "a/0"), ("fork", "a/11"), ("fork", "b/0"), ("import", "a/1")):
        await record(source=source, external_id=name)
    found = await runtime.read(tenant, read_external_ids, "fork", "a/")
    assert found == {"a/0", "a/11"}
