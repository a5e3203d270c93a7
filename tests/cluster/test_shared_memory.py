"""Two servers on one PostgreSQL: what one of them changes the other does not go on remembering.

Told by `NOTIFY` alone, and over Redis, which may die. Each server is a whole app with its own memory,
connections and data folder, as in a process of its own.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient
from pydantic import SecretStr

from camel_ext.app import Parts, create_app
from camel_ext.core.runtime import Runtime
from camel_ext.serving import serving_of
from camel_ext.settings import Serving, Settings
from camel_ext.settings_services import Database, Redis
from tests.brokers.servers import Valkey, private_valkey
from tests.fakes.engine import FakeEngine
from tests.postgres import temporary_copy

pytestmark = pytest.mark.slow
MODEL = {"name": "small", "engine": "local", "file": "bundled"}
YES = {"X-Camel-Remember": "yes"}
SOON_S = 3.0  # less than the five seconds after which a lost word would have been made up for
Json = dict[str, Any]


class Server:
    """One app that runs, its engine, and clients of it."""

    def __init__(self, app: Any, data_dir: Path) -> None:
        self.app = app
        self.runtime: Runtime = app.state.runtime
        self.engine = FakeEngine()
        serving_of(self.runtime).use(self.engine)
        self.key = (data_dir / "owner.key").read_text().strip()

    def client(self, key: str | None = None) -> AsyncClient:
        headers = {"Authorization": f"Bearer {key or self.key}"}
        return AsyncClient(
            transport=ASGITransport(app=self.app), base_url="http://127.0.0.1", headers=headers
        )

    async def ask(self, alias: str = "thinker", **body: Any) -> Any:
        wanted = {"model": alias, "messages": [{"role": "user", "content": "Why?"}], **body}
        async with self.client() as client:
            answer = await client.post("/v1/chat/completions", json=wanted, headers=YES)
        assert answer.status_code == 200, answer.text
        return answer

    async def do(self, method: str, path: str, body: Json | None = None, **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.client() as client:
            answer = await client.request(method, path, json=body, headers=named)
        assert answer.is_success, answer.text
        return answer


@asynccontextmanager
async def serving(url: str, data_dir: Path, redis: Valkey | None) -> AsyncIterator[Server]:
    settings = Settings(
        data_dir=data_dir,
        database=Database(url=url),
        redis=Redis(url=None if redis is None else SecretStr(redis.url)),
        serving=Serving(local_model=False),
    )
    app = create_app(settings, Parts(rng=Random()), alone=False)
    async with app.router.lifespan_context(app):
        yield Server(app, data_dir)


@pytest.fixture
def url(postgres_server: str, postgres_template: str) -> Any:
    with temporary_copy(postgres_server, postgres_template) as url:
        yield url


@pytest.fixture(params=["notify", "redis"])
def redis(request: pytest.FixtureRequest) -> Any:
    if request.param == "notify":
        yield None
        return
    with private_valkey() as server:
        yield server


@pytest.fixture
async def two(url: str, redis: Valkey | None, tmp_path: Path) -> AsyncIterator[list[Server]]:
    async with AsyncExitStack() as stack:
        servers = [
            await stack.enter_async_context(serving(url, tmp_path / name, redis)) for name in "ab"
        ]
        first = servers[0]
        await first.do("POST", "/api/v1/models", MODEL)
        await first.do("POST", "/api/v1/models", {**MODEL, "name": "other"})
        made = {"name": "thinker", "targets": [{"target": "small"}]}
        await first.do("POST", "/api/v1/aliases", made)
        yield servers


async def soon(fits: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(SOON_S):
        while not await fits():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_a_moved_alias_is_obeyed_by_both_at_once(two: list[Server]) -> None:
    a, b = two
    before = {(await each.ask()).headers["x-camel-model-version"] for each in two}
    assert len(before) == 1
    tag = (await a.do("GET", "/api/v1/aliases/thinker")).headers["etag"]
    await a.do("PUT", "/api/v1/aliases/thinker", {"targets": [{"target": "other"}]}, If_Match=tag)
    here = (await a.ask()).headers["x-camel-model-version"]
    assert here not in before  # the very next call of the server that moved it

    async def there() -> bool:
        return bool((await b.ask()).headers["x-camel-model-version"] == here)

    await soon(there)


async def test_an_answer_is_shared_by_redis_and_dropped_by_either(
    two: list[Server], redis: Valkey | None
) -> None:
    a, b = two
    await a.ask(temperature=0)
    answer = await b.ask(temperature=0)
    shared = redis is not None
    assert answer.headers.get("x-camel-remembered") == ("true" if shared else None)
    assert (a.engine.count, b.engine.count) == (1, 0 if shared else 1)
    await b.do("DELETE", "/api/v1/serving/answers")
    if shared:
        assert "x-camel-remembered" not in (await a.ask(temperature=0)).headers
        return

    async def asked_anew() -> bool:
        return "x-camel-remembered" not in (await a.ask(temperature=0)).headers

    await soon(asked_anew)


async def test_a_revoked_key_is_refused_by_both(two: list[Server]) -> None:
    a, b = two
    made = (await a.do("POST", "/api/v1/keys", {"name": "ci", "role": "viewer"})).json()
    async with a.client(made["secret"]) as at_a, b.client(made["secret"]) as at_b:
        for client in (at_a, at_b):
            assert (await client.get("/api/v1/me")).status_code == 200  # both have proven it
        await b.do("DELETE", f"/api/v1/keys/{made['id']}")
        assert (await at_b.get("/api/v1/me")).status_code == 401

        async def refused() -> bool:
            return (await at_a.get("/api/v1/me")).status_code == 401

        await soon(refused)


async def test_a_browser_stays_signed_in_whichever_server_it_comes_to_and_when(
    url: str, tmp_path: Path
) -> None:
    async with serving(url, tmp_path / "a", None) as a, serving(url, tmp_path / "b", None) as b:
        code = (await a.do("POST", "/api/v1/sign-in-codes")).json()["code"]
        async with a.client() as client:
            client.headers.pop("Authorization")
            signed_in = await client.post("/api/v1/sign-ins", json={"code": code})
        assert signed_in.status_code == 201, signed_in.text
        secret = signed_in.json()["secret"]
        async with b.client(secret) as at_b:
            assert (await at_b.get("/api/v1/me")).status_code == 200
    async with serving(url, tmp_path / "c", None) as later, later.client(secret) as client:
        assert (await client.get("/api/v1/me")).status_code == 200
        assert (await client.post("/api/v1/sign-outs")).status_code == 200
        assert (await client.get("/api/v1/me")).status_code == 401


@pytest.mark.parametrize("redis", ["redis"], indirect=True)
async def test_without_its_redis_everything_is_answered_and_said(
    two: list[Server], redis: Valkey
) -> None:
    a, b = two
    await a.ask(temperature=0)
    redis.kill(wipe=True)
    for _ in range(5):  # the first ones meet the broken connection
        answer = await b.ask(temperature=0)
        assert "x-camel-remembered" not in answer.headers
    shown = (await b.do("GET", "/readyz")).json()["dependencies"]
    seen = next(each for each in shown if each["name"] == "Redis")
    assert seen["state"] == "down"
    assert "limits count" in seen["lost"]
    redis.start()

    async def remembered_again() -> bool:
        return "x-camel-remembered" in (await b.ask(temperature=0)).headers

    async with asyncio.timeout(30):
        while not await remembered_again():  # noqa: ASYNC110
            await asyncio.sleep(0.1)
