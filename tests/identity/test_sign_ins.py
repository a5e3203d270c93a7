"""A browser gets a key of its own by a code, once; nobody else can make use of the code."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy.orm import Session

from camel_ext.core.clock import SystemClock
from camel_ext.core.database import Database
from camel_ext.core.runtime import Runtime
from camel_ext.core.threads import ThreadLanes
from camel_ext.identity import Actor, bootstrap, prove, sign_ins
from camel_ext.identity.errors import CodeRefused, TooManyTries
from camel_ext.identity.sign_ins import CodeMade
from tests.conftest import House


async def make_code(client: AsyncClient) -> str:
    made = await client.post("/api/v1/sign-in-codes")
    assert made.status_code == 201, made.text
    assert made.headers["cache-control"] == "no-store"
    return str(made.json()["code"])


async def sign_in(house: House, code: str) -> dict[str, Any]:
    answer = await house.as_key(None).post("/api/v1/sign-ins", json={"code": code})
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    found: dict[str, Any] = answer.json()
    return found


class TestSignIn:
    async def test_a_code_becomes_a_key_of_the_same_person(self, house: House) -> None:
        signed = await sign_in(house, await make_code(house.client))
        me = (await house.as_key(signed["secret"]).get("/api/v1/me")).json()
        assert me == signed["me"] == (await house.client.get("/api/v1/me")).json()
        newest = (await house.client.get("/api/v1/keys")).json()[0]
        assert newest["name"] == f"browser, {house.runtime.clock.now():%Y-%m-%d}"
        assert newest["for_browser"] is True
        lasts = datetime.fromisoformat(signed["expires_at"]) - house.runtime.clock.now()
        assert timedelta(days=29, hours=23) < lasts <= timedelta(days=30)

    async def test_a_code_works_once(self, house: House) -> None:
        code = await make_code(house.client)
        await sign_in(house, code)
        again = await house.as_key(None).post("/api/v1/sign-ins", json={"code": code})
        assert (again.status_code, again.json()["code"]) == (401, "identity.code_refused")

    async def test_a_viewer_stays_a_viewer(self, house: House) -> None:
        viewer = await house.as_role("viewer")
        signed = await sign_in(house, await make_code(viewer))
        assert signed["me"]["role"] == "viewer"
        browser = house.as_key(signed["secret"])
        assert (await browser.post("/api/v1/keys", json={"name": "k"})).status_code == 403

    async def test_another_organisation_signs_in_to_its_own(self, house: House) -> None:
        other = await house.as_role("owner", org="other")
        signed = await sign_in(house, await make_code(other))
        assert signed["me"]["org_id"] != str(house.owner.tenant.org_id)
        assert signed["me"]["org_id"] == (await other.get("/api/v1/me")).json()["org_id"]

    async def test_it_lasts_no_longer_than_the_key_that_asked(self, house: House) -> None:
        ends = house.runtime.clock.now() + timedelta(hours=1)
        wanted = {"name": "short", "expires_at": ends.isoformat()}
        secret = (await house.client.post("/api/v1/keys", json=wanted)).json()["secret"]
        signed = await sign_in(house, await make_code(house.as_key(secret)))
        assert datetime.fromisoformat(signed["expires_at"]) == ends

    async def test_a_code_of_a_revoked_key_is_refused(self, house: House) -> None:
        made = (await house.client.post("/api/v1/keys", json={"name": "gone"})).json()
        code = await make_code(house.as_key(made["secret"]))
        await house.client.delete(f"/api/v1/keys/{made['id']}")
        answer = await house.as_key(None).post("/api/v1/sign-ins", json={"code": code})
        assert (answer.status_code, answer.json()["code"]) == (401, "identity.key_refused")

    async def test_wrong_codes_are_slowed_down_but_lock_nobody_out(self, house: House) -> None:
        code, stranger = await make_code(house.client), house.as_key(None)
        answers = [
            await stranger.post("/api/v1/sign-ins", json={"code": f"wrong{n}"}) for n in range(11)
        ]
        assert [each.status_code for each in answers] == [401] * 10 + [429]
        assert answers[-1].json()["code"] == "identity.too_many_tries"
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
        await sign_in(house, code)

    async def test_neither_code_nor_key_is_logged_or_stored(
        self, house: House, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        code = await make_code(house.client)
        signed = await sign_in(house, code)
        await house.as_key(None).post("/api/v1/sign-ins", json={"code": code})
        await house.runtime.gate.drain()
        stored = b"".join(
            path.read_bytes()
            for path in house.data_dir.iterdir()
            if path.is_file() and path.name != "owner.key"
        )
        for secret in (code, signed["secret"]):
            assert secret not in caplog.text
            assert secret.encode() not in stored


class TestSignOut:
    async def test_it_revokes_the_browsers_own_key_at_once(self, house: House) -> None:
        signed = await sign_in(house, await make_code(house.client))
        browser = house.as_key(signed["secret"])
        answer = await browser.post("/api/v1/sign-outs")
        assert answer.status_code == 200
        assert answer.json()["revoked_at"] is not None
        assert (await browser.get("/api/v1/me")).status_code == 401

    async def test_another_key_does_not_sign_itself_out(self, house: House) -> None:
        answer = await house.client.post("/api/v1/sign-outs")
        assert (answer.status_code, answer.json()["code"]) == (409, "identity.not_a_browser_key")
        assert (await house.client.get("/api/v1/me")).status_code == 200


class HandClock(SystemClock):
    """A clock that a test moves."""

    seconds = 0.0

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic_s(self) -> float:
        return self.seconds


class TestCodes:
    @pytest.fixture
    async def server(self, database_url: str) -> AsyncIterator[Runtime]:
        """A server whose clock is moved by hand, on each database."""
        runtime = Runtime(Database(database_url), HandClock(), Random(7), ThreadLanes())
        yield runtime
        await runtime.close()

    @pytest.fixture
    async def other(self, database_url: str, server: Runtime) -> AsyncIterator[Runtime]:
        """Another one, on the same database."""
        runtime = Runtime(Database(database_url), server.clock, Random(8), ThreadLanes())
        yield runtime
        await runtime.close()

    @pytest.fixture
    async def actor(self, server: Runtime) -> Actor:
        def found(db: Session) -> Actor:
            made = bootstrap(db, server.clock, server.new_id, want_key=True)
            assert made.secret is not None
            return prove(db, server.clock, made.secret)

        return await server.write_system("test", found)

    async def make(self, server: Runtime, actor: Actor) -> CodeMade:
        return await server.write(actor.tenant, sign_ins.make_code, server.clock, actor)

    async def test_any_server_redeems_it(
        self, server: Runtime, other: Runtime, actor: Actor
    ) -> None:
        made = await self.make(server, actor)
        key, secret, who = await sign_ins.sign_in(other, made.code)
        assert who == actor
        assert key.for_browser
        assert (await server.read_system("test", prove, server.clock, secret)).key_id == key.id
        with pytest.raises(CodeRefused):
            await sign_ins.sign_in(server, made.code)

    async def test_of_many_at_once_one_redeems_it(
        self, server: Runtime, other: Runtime, actor: Actor
    ) -> None:
        made = await self.make(server, actor)
        tries = [sign_ins.sign_in(each, made.code) for each in (server, other) * 4]
        ended = await asyncio.gather(*tries, return_exceptions=True)
        assert sum(isinstance(each, tuple) for each in ended) == 1
        assert {type(each) for each in ended} == {tuple, CodeRefused}

    async def test_it_ends_after_five_minutes(self, server: Runtime, actor: Actor) -> None:
        clock = server.clock
        assert isinstance(clock, HandClock)
        first, second = await self.make(server, actor), await self.make(server, actor)
        assert first.expires_at == clock.now() + timedelta(minutes=5)
        clock.seconds = 299.9
        await sign_ins.sign_in(server, first.code)
        clock.seconds = 300.0
        with pytest.raises(CodeRefused):
            await sign_ins.sign_in(server, second.code)

    async def test_the_oldest_of_too_many_gives_way(self, server: Runtime, actor: Actor) -> None:
        clock = server.clock
        assert isinstance(clock, HandClock)

        def make(db: Session) -> list[str]:
            codes = []
            for _ in range(257):
                clock.seconds += 0.001
                codes.append(sign_ins.make_code(db, clock, actor).code)
            return codes

        codes = await server.write(actor.tenant, make)
        with pytest.raises(CodeRefused):
            await sign_ins.sign_in(server, codes[0])
        await sign_ins.sign_in(server, codes[1])

    async def test_a_code_has_192_bits(self, server: Runtime, actor: Actor) -> None:
        made = {(await self.make(server, actor)).code for _ in range(20)}
        assert len(made) == 20
        assert {len(code) for code in made} == {32}  # 24 bytes in base64


def test_a_minute_later_a_wrong_one_is_only_wrong() -> None:
    clock = HandClock()
    tries = sign_ins.WrongTries(clock)
    assert {type(tries.refuse()) for _ in range(10)} == {CodeRefused}
    clock.seconds = 59.0
    assert isinstance(tries.refuse(), TooManyTries)
    clock.seconds = 60.0
    assert isinstance(tries.refuse(), CodeRefused)
