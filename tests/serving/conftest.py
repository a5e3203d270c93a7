"""A house with an alias, a fake engine behind it, and a real server on loopback."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
import uvicorn

from camel_ext.interactions import Said, read_said
from camel_ext.serving import serving_of
from tests.conftest import House
from tests.fakes.engine import FakeEngine

MODEL = {
    "name": "small",
    "engine": "local",
    "file": "bundled",
    "price": {"input_usd": 1.0, "output_usd": 2.0},
}


async def add_alias(house: House, alias: str = "thinker", **model: Any) -> str:
    """Register a model and an alias for it; return the version's id."""
    made = await house.client.post("/api/v1/models", json={**MODEL, **model})
    assert made.status_code == 201, made.text
    targets = [{"target": {**MODEL, **model}["name"]}]
    put = await house.client.post("/api/v1/aliases", json={"name": alias, "targets": targets})
    assert put.status_code == 201, put.text
    return str(made.json()["id"])


@dataclass
class Log:
    """The interactions of the local project, as they come back by the API."""

    house: House

    async def rows(self) -> list[dict[str, Any]]:
        """Newest first."""
        page = await self.house.client.get("/api/v1/interactions", params={"limit": 100})
        assert page.status_code == 200, page.text
        return list(page.json()["items"])

    async def one(self) -> dict[str, Any]:
        """The only one, whole."""
        rows = await self.rows()
        assert len(rows) == 1, rows
        return await self.whole(rows[0]["id"])

    async def whole(self, interaction_id: str) -> dict[str, Any]:
        got = await self.house.client.get(f"/api/v1/interactions/{interaction_id}")
        assert got.status_code == 200, got.text
        return dict(got.json())

    async def said(self, interaction_id: str) -> Said:
        tenant = self.house.owner.tenant
        return await self.house.runtime.read(tenant, read_said, UUID(interaction_id))

    async def until(self, count: int) -> list[dict[str, Any]]:
        """Wait for so many rows: aborted calls are recorded in the background."""
        for _ in range(500):
            rows = await self.rows()
            if len(rows) >= count:
                return rows
            await asyncio.sleep(0.01)
        raise AssertionError(f"{len(rows)} of {count} interactions after 5 s")


@pytest.fixture
def log(house: House) -> Log:
    return Log(house)


@pytest.fixture
async def engine(house: House) -> FakeEngine:
    """The engine behind the alias `thinker`."""
    await add_alias(house)
    fake = FakeEngine()
    serving_of(house.runtime).use(fake)
    return fake


@pytest.fixture
async def base_url(house: House) -> AsyncIterator[str]:
    """The house behind a real server on loopback; yields the base URL for OpenAI's clients."""
    config = uvicorn.Config(
        house.app,  # type: ignore[arg-type]
        host="127.0.0.1",
        port=0,
        lifespan="off",
        log_config=None,
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    for _ in range(1000):
        if server.started:
            break
        await asyncio.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}/v1"
    server.should_exit = True
    await serving
