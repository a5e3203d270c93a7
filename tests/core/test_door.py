"""Doors from outside: creating once, changing what was seen, errors in one shape, the perimeter."""

import asyncio
import json
from collections.abc import AsyncIterator
from random import Random
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI, Request, Response
from httpx import ASGITransport, AsyncClient
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from camel_ext.core.bodies import Values
from camel_ext.core.door import Created, IfMatch, TenantDoor, check_revision, etag
from camel_ext.core.errors import Unavailable
from camel_ext.core.http import Perimeter, handle_errors
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from tests.core.tables import Shelf
from tests.fakes.clock import FakeClock

LIMIT = 4000
MANY = 190
SCALARS = st.none() | st.integers() | st.text('",[{\\\n\u2222a')
JSON_VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text('",[{\\'), inner)
)


def separators(value: Any) -> int:
    """How many `,`, `[` and `{` stand outside the strings of a value's JSON."""
    if not isinstance(value, list | dict):
        return 0
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max(0, len(value) - 1) + sum(map(separators, inner))


class ShelfNew(BaseModel):
    name: str


class ShelfShown(BaseModel):
    id: UUID
    name: str


def build(runtime: Runtime, tenant: Tenant) -> FastAPI:
    app = FastAPI()
    handle_errors(app)
    app.add_middleware(
        Perimeter,
        rng=Random(1),
        allowed_hosts=["127.0.0.1", "[::1]"],
        allowed_origins=["https://studio.example"],
        max_body_bytes=LIMIT,
        max_body_values=MANY,
    )

    def put(db: Session, name: str) -> Created:
        shelf = Shelf(id=runtime.new_id(), name=name)
        db.add(shelf)
        return Created(shelf, f"/shelves/{shelf.id}", 1)

    @app.post("/shelves")
    async def create(request: Request, body: ShelfNew, principal: int = 1) -> Response:
        door = TenantDoor(runtime, tenant, UUID(int=principal))
        return await door.create(request, ShelfShown, put, body.name)

    @app.put("/shelves/1")
    async def change(wanted: IfMatch) -> str:
        check_revision(3, wanted)
        return "changed"

    @app.get("/busy")
    async def busy() -> None:
        raise Unavailable("come back", retry_after_s=2.4)

    @app.get("/bug")
    async def bug() -> None:
        raise RuntimeError("secret words")

    @app.post("/numbers")
    async def numbers(body: list[int]) -> int:
        return sum(body)

    @app.post("/raw")
    async def raw(request: Request) -> int:
        return len(await request.body())

    return app


@pytest.fixture
async def web(core: Runtime, tenant: Tenant) -> AsyncIterator[AsyncClient]:
    transport = ASGITransport(build(core, tenant), raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


async def count(runtime: Runtime, tenant: Tenant) -> int:
    found: int = await runtime.read(tenant, lambda db: db.scalar(select(func.count(Shelf.id))))
    return found


class TestIdempotency:
    async def test_the_same_key_gives_the_same_answer(
        self, web: AsyncClient, core: Runtime, tenant: Tenant
    ) -> None:
        headers = {"Idempotency-Key": "k"}
        first = await web.post("/shelves", json={"name": "a"}, headers=headers)
        again = await web.post("/shelves", json={"name": "a"}, headers=headers)
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.content == again.content
        for name in ("location", "etag"):
            assert first.headers[name] == again.headers[name]
        assert "idempotent-replay" not in first.headers
        assert again.headers["idempotent-replay"] == "true"
        assert await count(core, tenant) == 1

    async def test_another_body_is_a_conflict(self, web: AsyncClient) -> None:
        headers = {"Idempotency-Key": "k"}
        await web.post("/shelves", json={"name": "a"}, headers=headers)
        refused = await web.post("/shelves", json={"name": "b"}, headers=headers)
        assert refused.status_code == 409
        assert refused.json()["code"] == "core.idempotency_key_reused"

    async def test_at_once_it_creates_one(
        self, web: AsyncClient, core: Runtime, tenant: Tenant
    ) -> None:
        headers = {"Idempotency-Key": "k"}
        answers = await asyncio.gather(
            *(web.post("/shelves", json={"name": "a"}, headers=headers) for _ in range(8))
        )
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.content for answer in answers}) == 1
        assert await count(core, tenant) == 1

    async def test_another_principal_or_no_key_creates_anew(
        self, web: AsyncClient, core: Runtime, tenant: Tenant
    ) -> None:
        for headers, query in (
            ({"Idempotency-Key": "k"}, ""),
            ({"Idempotency-Key": "k"}, "?principal=2"),
            ({}, ""),
        ):
            await web.post(f"/shelves{query}", json={"name": "a"}, headers=headers)
        assert await count(core, tenant) == 3

    async def test_a_day_later_the_key_is_forgotten(
        self, web: AsyncClient, core: Runtime, tenant: Tenant, clock: FakeClock
    ) -> None:
        for _ in range(2):
            await web.post("/shelves", json={"name": "a"}, headers={"Idempotency-Key": "k"})
            clock.advance(86401)
        assert await count(core, tenant) == 2

    async def test_a_key_that_is_too_long_is_refused(self, web: AsyncClient) -> None:
        answer = await web.post(
            "/shelves", json={"name": "a"}, headers={"Idempotency-Key": "k" * 201}
        )
        assert answer.status_code == 422

    async def test_a_failed_commit_is_never_a_success(
        self, web: AsyncClient, core: Runtime, tenant: Tenant
    ) -> None:
        def refuse(_connection: Any) -> None:
            raise OSError("the disk is gone")

        headers = {"Idempotency-Key": "k"}
        event.listen(core.database.writer, "commit", refuse)
        failed = await web.post("/shelves", json={"name": "a"}, headers=headers)
        event.remove(core.database.writer, "commit", refuse)
        assert failed.status_code == 500
        assert await count(core, tenant) == 0
        retried = await web.post("/shelves", json={"name": "a"}, headers=headers)
        assert retried.status_code == 201
        assert "idempotent-replay" not in retried.headers


class TestIfMatch:
    @pytest.mark.parametrize(
        ("sent", "status", "code"),
        [
            (None, 428, "core.precondition_required"),
            ('"2"', 412, "core.precondition_failed"),
            ("3", 422, "core.bad_etag"),
            ('"3", "4"', 422, "core.bad_etag"),
            ("*", 422, "core.bad_etag"),
            ('W/"3"', 422, "core.bad_etag"),
            (etag(3), 200, None),
        ],
    )
    async def test_names_the_revision(
        self, web: AsyncClient, sent: str | None, status: int, code: str | None
    ) -> None:
        answer = await web.put("/shelves/1", headers={} if sent is None else {"If-Match": sent})
        assert answer.status_code == status
        if code is not None:
            assert answer.json()["code"] == code


class TestErrors:
    @pytest.mark.parametrize(
        ("method", "path", "status", "code"),
        [
            ("GET", "/nowhere", 404, "core.route_unknown"),
            ("DELETE", "/shelves", 405, "core.method_not_allowed"),
            ("POST", "/shelves", 422, "core.invalid"),
            ("GET", "/busy", 503, "core.unavailable"),
            ("GET", "/bug", 500, "core.camel_ext_error"),
        ],
    )
    async def test_have_one_shape(
        self, web: AsyncClient, method: str, path: str, status: int, code: str
    ) -> None:
        trace = "0af7651916cd43dd8448eb211c80319c"
        headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
        answer = await web.request(method, path, headers=headers)
        body = answer.json()
        assert answer.headers["content-type"] == "application/problem+json"
        assert (answer.status_code, body["status"], body["code"]) == (status, status, code)
        assert body["trace_id"] == trace
        assert body.keys() == {"type", "title", "status", "detail", "code", "trace_id", "errors"}
        assert "secret" not in answer.text

    async def test_say_when_to_come_back(self, web: AsyncClient) -> None:
        assert (await web.get("/busy")).headers["retry-after"] == "2"

    async def test_malformed_json_is_named(self, web: AsyncClient) -> None:
        answer = await web.post(
            "/shelves", content=b"{", headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 422
        assert answer.json()["errors"]

    async def test_each_answer_carries_its_trace(self, web: AsyncClient) -> None:
        traces = {(await web.get("/nowhere")).headers["x-trace-id"] for _ in range(3)}
        assert len(traces) == 3
        refused = await web.get("/busy", headers={"Host": "evil.example"})
        assert refused.headers["x-trace-id"] == refused.json()["trace_id"]
        broken = await web.get("/bug")
        assert broken.headers["x-trace-id"] == broken.json()["trace_id"]

    async def test_of_many_mistakes_some_are_shown(self, web: AsyncClient) -> None:
        refused = await web.post("/numbers", json=["x"] * 190)
        assert refused.status_code == 422
        assert len(refused.json()["errors"]) == 50


class TestPerimeter:
    @pytest.mark.parametrize(
        ("headers", "code"),
        [
            ({"Host": "evil.example"}, "core.foreign_host"),
            ({"Host": ""}, "core.foreign_host"),
            ({"Host": "127.0.0.1.evil.example"}, "core.foreign_host"),
            ({"Origin": "https://evil.example"}, "core.foreign_origin"),
            ({"Origin": "null"}, "core.foreign_origin"),
            ({"Origin": "http://["}, "core.foreign_origin"),
            ({"Origin": "http://127.0.0.1:9"}, "core.foreign_origin"),
            ({"Host": "127.0.0.1:8000", "Origin": "http://127.0.0.1:8000"}, None),
            ({"Host": "[::1]:8000"}, None),
            ({"Origin": "https://studio.example"}, None),
        ],
    )
    async def test_host_and_origin(
        self, web: AsyncClient, headers: dict[str, str], code: str | None
    ) -> None:
        answer = await web.put("/shelves/1", headers={"If-Match": '"3"'} | headers)
        assert answer.status_code == (200 if code is None else 403)
        if code is not None:
            assert answer.json()["code"] == code

    @pytest.mark.parametrize("name", ["host", "origin"])
    async def test_a_foreign_socket_is_closed_before_it_opens(
        self, core: Runtime, tenant: Tenant, name: str
    ) -> None:
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "websocket.connect"}

        async def send(message: Any) -> None:
            sent.append(message)

        headers = {b"host": b"127.0.0.1", name.encode(): b"http://evil.example"}
        scope = {"type": "websocket", "path": "/x", "headers": list(headers.items())}
        await build(core, tenant)(scope, receive, send)
        assert sent == [{"type": "websocket.close", "code": 1008, "reason": f"core.foreign_{name}"}]

    @pytest.mark.parametrize("path", ["/raw", "/shelves"])
    async def test_a_large_body_is_413_announced_or_chunked(
        self, web: AsyncClient, path: str
    ) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(LIMIT // 100 + 1):
                yield b"x" * 100

        headers = {"Content-Type": "application/json"}
        for content in (b"x" * (LIMIT + 1), chunks()):
            answer = await web.post(path, content=content, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (413, "core.body_too_large")
        assert (await web.post("/raw", content=b"x" * LIMIT)).json() == LIMIT

    @pytest.mark.parametrize("path", ["/numbers", "/shelves"])
    async def test_a_body_of_too_many_values_is_413_before_it_is_parsed(
        self, web: AsyncClient, path: str
    ) -> None:
        headers = {"Content-Type": "application/json"}
        unknown = json.dumps({f"field {n}": 1 for n in range(MANY + 1)}).encode()
        for content in (unknown, b"[" + b"1," * MANY + b"1]", b"[" * (MANY + 1)):
            answer = await web.post(path, content=content, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (413, "core.too_many_values")
            assert "server.max_body_values" in answer.json()["detail"]
        assert (await web.post("/numbers", json=[1] * MANY)).json() == MANY
        assert (await web.post("/raw", json={"name": "a,[{" * MANY})).is_success
        assert (await web.post("/raw", content=b"," * 2 * MANY)).is_success  # not JSON

    @given(value=JSON_VALUES, cut=st.integers(1, 7), ascii_only=st.booleans())
    def test_values_are_counted_whatever_the_pieces(
        self, value: Any, cut: int, ascii_only: bool
    ) -> None:
        text = json.dumps(value, ensure_ascii=ascii_only).encode()
        values = Values()
        for start in range(0, len(text), cut):
            values.see(text[start : start + cut])
        assert values.seen == separators(value)

    @given(length=st.text(st.characters(max_codepoint=255), max_size=8))
    def test_an_odd_content_length_breaks_nothing(self, length: str) -> None:
        from starlette.datastructures import Headers

        perimeter = Perimeter(
            None, rng=Random(1), allowed_hosts=["*"], allowed_origins=[], max_body_bytes=10**9,
            max_body_values=1,
        )  # fmt: skip
        raw = [(b"host", b"x"), (b"content-length", length.encode("latin-1"))]
        perimeter._check(Headers(raw=raw))
