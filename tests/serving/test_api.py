"""Who may use the routes of serving, and what belongs to whom."""

from typing import Any

import pytest

from camel_ext.serving import serving_of
from tests.conftest import House
from tests.fakes.engine import FakeEngine
from tests.serving.conftest import add_alias

HELLO = {"model": "thinker", "messages": [{"role": "user", "content": "hello"}]}
ROUTES: list[tuple[str, str, Any]] = [
    ("GET", "/v1/models", None),
    ("POST", "/v1/chat/completions", HELLO),
    ("GET", "/api/v1/serving/engines", None),
]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
class TestStrangers:
    async def test_without_a_key_is_401(
        self, house: House, engine: FakeEngine, method: str, path: str, body: Any
    ) -> None:
        for secret in (None, "cx_nonsense"):
            answer = await house.as_key(secret).request(method, path, json=body)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
            openai = path.startswith("/v1")
            assert ("error" in answer.json()) == openai
        assert engine.count == 0


class TestChat:
    async def test_a_viewer_may_not_ask(self, house: House, engine: FakeEngine) -> None:
        viewer = await house.as_role("viewer")
        answer = await viewer.post("/v1/chat/completions", json=HELLO)
        assert answer.status_code == 403
        assert answer.json()["error"]["type"] == "permission_error"

    async def test_an_editor_may(self, house: House, engine: FakeEngine) -> None:
        editor = await house.as_role("editor")
        assert (await editor.post("/v1/chat/completions", json=HELLO)).status_code == 200

    async def test_an_alias_of_another_tenant_is_not_there(
        self, house: House, engine: FakeEngine
    ) -> None:
        foreigner = await house.as_role("editor", org="elsewhere")
        answer = await foreigner.post("/v1/chat/completions", json=HELLO)
        assert answer.status_code == 404
        assert engine.count == 0


class TestModels:
    async def test_aliases_are_the_models(self, house: House, engine: FakeEngine) -> None:
        viewer = await house.as_role("viewer")
        body = (await viewer.get("/v1/models")).json()
        assert body["object"] == "list"
        assert [card["id"] for card in body["data"]] == ["thinker"]
        assert body["data"][0]["object"] == "model"

    async def test_another_tenant_sees_its_own(self, house: House, engine: FakeEngine) -> None:
        foreigner = await house.as_role("viewer", org="elsewhere")
        assert (await foreigner.get("/v1/models")).json()["data"] == []


class TestEngines:
    async def test_an_engine_says_how_it_is(self, house: House) -> None:
        await add_alias(house)
        provider = {"engine": "provider", "url": "http://127.0.0.1:9/v1", "model": "big-1"}
        made = await house.client.post("/api/v1/models", json={"name": "big", **provider})
        assert made.status_code == 201, made.text
        alias = {"name": "bigger", "targets": [{"target": "big"}]}
        assert (await house.client.post("/api/v1/aliases", json=alias)).status_code == 201
        serving_of(house.runtime).use(FakeEngine(healthy=False), "small")
        viewer = await house.as_role("viewer")
        big, small = (await viewer.get("/api/v1/serving/engines")).json()["engines"]
        assert (big["name"], big["kind"], big["opened"], big["ok"]) == (
            "big",
            "provider",
            False,
            None,
        )
        assert (small["aliases"], small["opened"], small["ok"]) == (["thinker"], True, False)
        assert small["build"] == "fake-1"

    async def test_another_tenant_sees_none_of_ours(self, house: House, engine: FakeEngine) -> None:
        foreigner = await house.as_role("viewer", org="elsewhere")
        assert (await foreigner.get("/api/v1/serving/engines")).json() == {"engines": []}
