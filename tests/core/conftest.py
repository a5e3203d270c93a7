"""A runtime on each database with a clock by hand, and a tenant, without any room."""

from collections.abc import AsyncIterator
from random import Random
from uuid import UUID

import pytest

from camel_ext.core.database import Database
from camel_ext.core.models import Base
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.core.threads import ThreadLanes
from tests.core.tables import create_own_tables
from tests.fakes.clock import FakeClock

TENANT = Tenant(UUID(int=1), UUID(int=2))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def tenant() -> Tenant:
    return TENANT


@pytest.fixture
async def core(database_url: str, clock: FakeClock) -> AsyncIterator[Runtime]:
    """Real threads, a real database, time by hand."""
    runtime = Runtime(Database(database_url), clock, Random(7), ThreadLanes())
    create_own_tables(runtime.database)
    yield runtime
    await runtime.close()


@pytest.fixture
def database_of_core_only(tmp_path_factory: pytest.TempPathFactory) -> Database:
    """A SQLite file with core's tables alone."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('core') / 'core.db'}")
    with database.begin("test") as connection:
        Base.metadata.create_all(connection.execution_options(tenant_system="ddl"))
    return database
