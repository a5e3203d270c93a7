"""A house that worked moves (`camel-ext migrate`) or is restored (docs/guide/postgresql.md): the same bytes.

A kill half-way leaves nothing.
"""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest
from httpx import ASGITransport, AsyncClient
from sqlalchemy import insert, make_url
from sqlalchemy.orm import Session
from typer.testing import CliRunner, Result

from camel_ext.app import Parts, create_app
from camel_ext.cli.program import program
from camel_ext.core.datadir import DataDir
from camel_ext.core.models import OutboxRow
from camel_ext.core.runtime import Runtime
from camel_ext.identity import bootstrap
from camel_ext.serving import serving_of
from camel_ext.settings import Settings
from tests.conftest import House
from tests.fakes.engine import FakeEngine
from tests.postgres import create_database, pg_tool, url_of
from tests.test_routes import own_everything

SAY_NOT = {  # about now or about the process, not about what was kept
    "/api/v1/overview", "/api/v1/workers", "/api/v1/events/stream", "/api/v1/me", "/v1/models",
    "/api/v1/serving/engines", "/api/v1/queues", "/api/v1/interactions/histogram",
    "/api/v1/status",
}  # fmt: skip
ROWS = 60_000  # some seconds of copying


def migrate(*arguments: str) -> Result:
    return CliRunner().invoke(program, ["migrate", *arguments])


@asynccontextmanager
async def served(data_dir: Path, url: str | None = None) -> AsyncIterator[House]:
    """The app on a data directory, and a client of its owner."""
    settings = Settings(data_dir=data_dir)
    database = settings.database.model_copy(update={"url": url})
    app = create_app(settings.model_copy(update={"database": database}), Parts(rng=Random()))
    opened: list[AsyncClient] = []

    def client(secret: str | None) -> AsyncClient:
        transport = ASGITransport(app=app, raise_app_exceptions=False)
        headers = {"Authorization": f"Bearer {secret}"}
        made = AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers)
        opened.append(made)
        return made

    async with app.router.lifespan_context(app):
        runtime: Runtime = app.state.runtime
        serving_of(runtime).use(FakeEngine())
        owner = await runtime.write_system(
            "test", lambda db: bootstrap(db, runtime.clock, runtime.new_id)
        )
        key = (data_dir / "owner.key").read_text().strip()
        yield House(app, runtime, data_dir, owner, client(key), client)
        for each in opened:
            await each.aclose()


async def settled(house: House) -> None:
    """Wait until no job is left and the log of events stays as it is: nothing changes any more."""
    last: bytes | None = None
    async with asyncio.timeout(60):
        while True:
            jobs = (await house.client.get("/api/v1/jobs?limit=200")).json()["items"]
            busy = [each for each in jobs if each["state"] in ("queued", "running")]
            log = await said(house.client, "/api/v1/events/log")
            if not busy and log == last:
                return
            last = log
            await asyncio.sleep(0.6)


async def answers(house: House) -> dict[str, bytes]:
    """What every list route says, and each run and interaction in whole."""
    found: dict[str, bytes] = {}
    app: Any = house.app
    for path, operations in app.openapi()["paths"].items():
        needs = [p for p in operations.get("get", {}).get("parameters", ()) if p.get("required")]
        if "get" not in operations or needs or path in SAY_NOT or path.startswith("/health"):
            continue
        found[path] = await said(house.client, path)
    for kind in ("runs", "interactions"):
        for each in json.loads(found[f"/api/v1/{kind}"])["items"]:
            found[each["id"]] = await said(house.client, f"/api/v1/{kind}/{each['id']}")
    return found


async def said(client: AsyncClient, path: str) -> bytes:
    answer = await client.get(path)
    assert answer.is_success, (path, answer.text)
    return answer.content


def prepare(data_dir: Path, template: Path) -> None:
    data_dir.mkdir(mode=0o700)
    shutil.copy(template, data_dir / "camel-ext.db")


async def finished(data_dir: Path, template: Path) -> dict[str, bytes]:
    """Let a house work on SQLite; return what it says at the end."""
    await asyncio.to_thread(prepare, data_dir, template)
    async with served(data_dir) as house:
        await own_everything(house)
        await settled(house)
    async with served(data_dir) as house:  # whatever a start changes is changed now
        await settled(house)
        return await answers(house)


@pytest.fixture
def empty(postgres_server: str, request: pytest.FixtureRequest) -> Iterator[str]:
    name = f"moved_{abs(hash(request.node.name)):x}"
    create_database(postgres_server, name)
    yield url_of(postgres_server, name)
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.slow
async def test_it_answers_the_same_on_postgres_and_back_on_sqlite(
    tmp_path: Path, sqlite_template: Path, empty: str
) -> None:
    data_dir = tmp_path / "data"
    before = await finished(data_dir, sqlite_template)
    assert len(before) > 20
    source = f"sqlite:///{data_dir / 'camel-ext.db'}"
    result = await asyncio.to_thread(migrate, "--from", source, "--to", empty, "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    rows = {each["table"]: each["rows"] for each in told["tables"]}
    assert rows["interactions"] >= rows["interaction_bodies"] > 0  # words of one were erased
    assert rows["runs"] > 0
    assert told["rows"] == sum(rows.values())
    async with served(data_dir, empty) as house:
        after = await answers(house)
        assert [path for path in before if before[path] != after[path]] == []
        wanted = {"workflow": "canary4711-flow", "input": {"goal": "numbers go on"}}
        assert (await house.client.post("/api/v1/runs", json=wanted)).status_code == 202
        await settled(house)
    async with served(data_dir, empty) as house:
        last = await answers(house)
        assert len(json.loads(last["/api/v1/runs"])["items"]) > len(
            json.loads(before["/api/v1/runs"])["items"]
        )
    back = tmp_path / "back"
    result = await asyncio.to_thread(
        migrate, "--from", empty, "--to", f"sqlite:///{back / 'camel-ext.db'}"
    )
    assert result.exit_code == 0, result.output
    shutil.copy(data_dir / "owner.key", back / "owner.key")
    shutil.copytree(data_dir / "archive", back / "archive")  # files do not move by themselves
    async with served(back) as house:
        after = await answers(house)
    assert [path for path in last if last[path] != after[path]] == []


@pytest.mark.slow
async def test_what_is_dumped_while_it_works_is_restored(
    tmp_path: Path, sqlite_template: Path, empty: str, postgres_server: str
) -> None:
    """As the guide says it, by the role that owns the database and that its policies hold."""
    data_dir = tmp_path / "data"
    before = await finished(data_dir, sqlite_template)
    source = f"sqlite:///{data_dir / 'camel-ext.db'}"
    assert (await asyncio.to_thread(migrate, "--from", source, "--to", empty)).exit_code == 0
    dump, copied = tmp_path / "camel.dump", tmp_path / "copied"
    async with served(data_dir, empty) as house:
        before = await answers(house)
        await asyncio.to_thread(
            pg_tool, "pg_dump", "--enable-row-security", "-Fc", "-f", dump, empty
        )
        await asyncio.to_thread(shutil.copytree, data_dir, copied)
    target = empty.replace(make_url(empty).database or "", "restored")
    create_database(postgres_server, "restored")
    await asyncio.to_thread(pg_tool, "pg_restore", "--exit-on-error", "-d", target, dump)
    async with served(copied, target) as house:
        after = await answers(house)
        assert [path for path in before if before[path] != after[path]] == []
        wanted = {"workflow": "canary4711-flow", "input": {"goal": "numbers go on"}}
        assert (await house.client.post("/api/v1/runs", json=wanted)).status_code == 202
        await settled(house)
    with psycopg.connect(target) as connection:  # the wall came along
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (0,)


@pytest.mark.slow
async def test_a_kill_half_way_leaves_the_target_empty(
    tmp_path: Path, sqlite_template: Path, empty: str
) -> None:
    data_dir = tmp_path / "data"
    await finished(data_dir, sqlite_template)
    async with served(data_dir) as house:
        await house.runtime.write_system("test", many_events, house.runtime)
    source = f"sqlite:///{data_dir / 'camel-ext.db'}"
    await asyncio.to_thread(kill_half_way, source, empty)
    assert tables(empty) == []
    again = await asyncio.to_thread(migrate, "--from", source, "--to", empty, "--json")
    assert again.exit_code == 0, again.output
    moved = {each["table"]: each["rows"] for each in json.loads(again.stdout)["tables"]}
    assert moved["outbox"] >= ROWS
    twice = await asyncio.to_thread(migrate, "--from", source, "--to", empty)
    assert twice.exit_code == 6, twice.output


def many_events(db: Session, runtime: Runtime) -> None:
    org, now = runtime.new_id(), runtime.clock.now()
    row = {"org_id": org, "project_id": org, "type": "test.happened", "created_at": now}
    payload = {"text": "x" * 300}
    db.execute(
        insert(OutboxRow),
        [row | {"subject": str(n), "payload": payload, "seq": n + 1} for n in range(ROWS)],
    )


def kill_half_way(source: str, target: str) -> None:
    command = [sys.executable, "-m", "camel_ext.cli", "migrate", "--from", source, "--to", target]
    moving = subprocess.Popen(command, env=dict(os.environ), stdout=subprocess.PIPE)
    until_copying(target, moving)
    moving.send_signal(signal.SIGKILL)
    moving.communicate()


def until_copying(url: str, moving: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    with psycopg.connect(url, autocommit=True) as connection:
        while time.monotonic() < deadline:
            assert moving.poll() is None, "it ended before it was killed"
            query = "SELECT max(tuples_processed) FROM pg_stat_progress_copy"
            copied = connection.execute(query).fetchone()
            if copied is not None and (copied[0] or 0) > 1000:
                return
            time.sleep(0.005)
    raise AssertionError("nothing was copied")


def tables(url: str) -> list[Any]:
    query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


class TestRefusals:
    def database(self, tmp_path: Path, template: Path, name: str = "from") -> str:
        (tmp_path / name).mkdir()
        shutil.copy(template, tmp_path / name / "camel-ext.db")
        return f"sqlite:///{tmp_path / name / 'camel-ext.db'}"

    def test_a_running_server_of_the_source(self, tmp_path: Path, sqlite_template: Path) -> None:
        source = self.database(tmp_path, sqlite_template)
        folder = DataDir(tmp_path / "from")
        folder.lock("a server")
        result = migrate("--from", source, "--to", f"sqlite:///{tmp_path / 'to' / 'x.db'}")
        folder.unlock()
        assert result.exit_code == 6
        assert "in use by a server" in result.stderr

    async def test_a_target_with_rows(self, tmp_path: Path, sqlite_template: Path) -> None:
        source = self.database(tmp_path, sqlite_template)
        target = self.database(tmp_path, sqlite_template, "to")
        async with served(tmp_path / "to"):
            pass
        result = await asyncio.to_thread(migrate, "--from", source, "--to", target, "--json")
        assert result.exit_code == 6
        assert json.loads(result.stderr)["error"]["code"] == "core.target_not_empty"

    def test_a_source_that_is_not_there(self, tmp_path: Path) -> None:
        result = migrate("--from", f"sqlite:///{tmp_path}/no.db", "--to", "postgresql://h/d")
        assert result.exit_code == 5

    def test_an_older_source(self, tmp_path: Path, sqlite_template: Path) -> None:
        import sqlite3

        source = self.database(tmp_path, sqlite_template)
        with sqlite3.connect(tmp_path / "from" / "camel-ext.db") as connection:
            connection.execute("UPDATE alembic_version SET version_num = '0001'")
        result = migrate("--from", source, "--to", f"sqlite:///{tmp_path / 'to' / 'x.db'}")
        assert result.exit_code == 6
        assert "revision 0001" in result.stderr

    async def test_a_copy_within_sqlite_is_whole(
        self, tmp_path: Path, sqlite_template: Path
    ) -> None:
        source = self.database(tmp_path, sqlite_template)
        async with served(tmp_path / "from"):
            pass
        target = f"sqlite:///{tmp_path / 'to' / 'x.db'}"
        result = await asyncio.to_thread(migrate, "--from", source, "--to", target)
        assert result.exit_code == 0, result.output
        assert "api_keys" in result.stdout
