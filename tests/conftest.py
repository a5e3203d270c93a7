"""Fixtures of every test: a migrated database copied per test, a runtime, the app and its actors."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient
from sqlalchemy.orm import Session

from camel_ext.app import Parts, create_app
from camel_ext.core.clock import SystemClock
from camel_ext.core.database import Database
from camel_ext.core.migrate import migrate
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.core.threads import ThreadLanes
from camel_ext.identity import Bootstrapped, Role, bootstrap
from camel_ext.identity.schemas import KeyCreate
from camel_ext.identity.service import give_key
from camel_ext.rooms import import_models, import_tasks
from camel_ext.serving.bundled import pull_bundled
from camel_ext.settings import Settings


def pytest_configure(config: pytest.Config) -> None:
    """Ignore what core/lazy_models.py does: pytest forgets the filters of the process."""
    config.addinivalue_line(
        "filterwarnings", "ignore::pydantic.warnings.UnsupportedFieldAttributeWarning"
    )


@pytest.fixture(scope="session", autouse=True)
def _rooms() -> None:
    import_models()
    import_tasks()


@pytest.fixture(scope="session")
def bundled_model() -> Path:
    """The real model, fetched into var/models with the first run; checked by its sha256."""
    return pull_bundled(Path(__file__).parents[1] / "var")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file; each test works on its own copy, as the journal commits on its own."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    database = Database(f"sqlite:///{path}")
    migrate(database)
    database.close()
    return path


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A private PostgreSQL; yields the URL of its maintenance database."""
    from tests.postgres import private_postgres

    with private_postgres() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> str:
    """The name of a migrated database on the private server."""
    from tests.postgres import create_database, url_of

    create_database(postgres_server, "template_camel")
    database = Database(url_of(postgres_server, "template_camel"))
    migrate(database)
    database.close()
    return "template_camel"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def database_url(
    request: pytest.FixtureRequest, tmp_path: Path, sqlite_template: Path
) -> Iterator[str]:
    """The URL of a fresh migrated database; once on SQLite, once (slow) on PostgreSQL."""
    if request.param == "sqlite":
        shutil.copy(sqlite_template, tmp_path / "test.db")
        yield f"sqlite:///{tmp_path / 'test.db'}"
        return
    from tests.postgres import temporary_copy

    server = request.getfixturevalue("postgres_server")
    template = request.getfixturevalue("postgres_template")
    with temporary_copy(server, template) as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path, sqlite_template: Path) -> str:
    """The URL of a fresh migrated SQLite database, for what does not touch SQL of its own."""
    shutil.copy(sqlite_template, tmp_path / "test.db")
    return f"sqlite:///{tmp_path / 'test.db'}"


@pytest.fixture
async def runtime(database_url: str) -> AsyncIterator[Runtime]:
    """A process's runtime on each database."""
    database = Database(database_url)
    runtime = Runtime(database, SystemClock(), Random(7), ThreadLanes())
    yield runtime
    await runtime.close()


@pytest.fixture
async def founded(runtime: Runtime) -> Bootstrapped:
    """The local organisation on the runtime's database."""

    def found(db: Session) -> Bootstrapped:
        return bootstrap(db, runtime.clock, runtime.new_id, want_key=True)

    return await runtime.write_system("test", found)


@pytest.fixture
def tenant(founded: Bootstrapped) -> Tenant:
    """The local organisation's tenant."""
    return founded.tenant


@dataclass
class House:
    """The running app and ways to talk to it as somebody."""

    app: object
    runtime: Runtime
    data_dir: Path
    owner: Bootstrapped
    client: AsyncClient
    _open: Callable[[str | None], AsyncClient]

    def as_key(self, secret: str | None) -> AsyncClient:
        """A client with that key, or with none."""
        return self._open(secret)

    async def as_role(self, role: str, *, org: str = "local") -> AsyncClient:
        """A client of a new principal with that role, in the organisation named."""
        return self._open(await self.secret(role, org=org))

    async def told(self, topics: str, last: str) -> list[dict[str, Any]]:
        """The log's events, once one of that name ends them: they get their numbers after the commit."""
        async with asyncio.timeout(30):
            while True:
                answer = await self.client.get(f"/api/v1/events/log?topics={topics}&limit=100")
                items: list[dict[str, Any]] = answer.json()["items"]
                if items and items[-1]["event"] == last:
                    return items
                await asyncio.sleep(0.01)

    async def secret(self, role: str, *, org: str = "local") -> str:
        """A key of a new principal with that role."""
        runtime = self.runtime

        def make(db: Session) -> str:
            founded = bootstrap(db, runtime.clock, runtime.new_id, org=org)
            return _give(db, runtime, founded.tenant, role)

        return await runtime.write_system("test", make)


def _give(db: Session, runtime: Runtime, tenant: Tenant, role: str) -> str:
    db.info.pop("system")
    db.info["tenant"] = tenant
    wanted = KeyCreate(name=f"{role} {runtime.new_id().hex[:12]}", role=Role(role))
    return give_key(db, runtime.clock, runtime.new_id, tenant, wanted)[1]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a server in a folder of its own."""
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
async def house(settings: Settings, sqlite_template: Path) -> AsyncIterator[House]:
    """The whole app, in process, on SQLite, with its worker running."""
    settings.data_dir.mkdir(exist_ok=True)
    shutil.copy(sqlite_template, settings.data_dir / "camel-ext.db")
    app = create_app(settings, Parts(rng=Random(7)))
    opened: list[AsyncClient] = []

    def client(secret: str | None) -> AsyncClient:
        headers = {} if secret is None else {"Authorization": f"Bearer {secret}"}
        transport = ASGITransport(app=app, raise_app_exceptions=False)
        made = AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers)
        opened.append(made)
        return made

    async with app.router.lifespan_context(app):
        runtime: Runtime = app.state.runtime
        secret = (settings.data_dir / "owner.key").read_text().strip()
        founded = await runtime.write_system(
            "test", lambda db: bootstrap(db, runtime.clock, runtime.new_id)
        )
        yield House(app, runtime, settings.data_dir, founded, client(secret), client)
        for each in opened:
            await each.aclose()


@pytest.fixture
def client(house: House) -> AsyncClient:
    """A client with the owner's key."""
    return house.client
