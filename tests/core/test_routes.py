"""Routes are made whole when they are first used, and only then."""

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.exceptions import FastAPIError
from httpx import ASGITransport, AsyncClient

from camel_ext.core.routes import DeferredRoute, Router


class Paint:
    """No type that a request could carry."""


router = Router(prefix="/things", tags=["things"])


@router.get("/{number}", summary="A thing")
async def thing(number: int) -> dict[str, int]:
    return {"number": number}


def fresh() -> FastAPI:
    app, again = FastAPI(), Router(prefix="/things", tags=["things"])
    again.get("/{number}", summary="A thing")(thing)
    app.router.routes.extend(again.routes)
    return app


def whole(app: FastAPI) -> list[bool]:
    return ["dependant" in vars(r) for r in app.routes if isinstance(r, DeferredRoute)]


async def ask(app: FastAPI, path: str, method: str = "GET") -> Any:
    async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as client:
        return await client.request(method, path)


async def test_a_route_is_made_whole_by_its_first_request() -> None:
    app = fresh()
    assert whole(app) == [False]
    assert (await ask(app, "/nothing")).status_code == 404
    assert (await ask(app, "/things/1", "POST")).status_code == 405
    assert whole(app) == [False], "matching asked for more than path and methods"
    assert (await ask(app, "/things/1")).json() == {"number": 1}
    assert (await ask(app, "/things/x")).status_code == 422
    assert whole(app) == [True]


def test_the_document_shows_it_whole() -> None:
    operation = fresh().openapi()["paths"]["/things/{number}"]["get"]
    assert operation["summary"] == "A thing"
    assert operation["tags"] == ["things"]
    assert operation["parameters"][0]["schema"]["type"] == "integer"


def test_a_wrong_signature_is_said_each_time() -> None:
    async def wrong(paint: Paint) -> None:
        raise AssertionError(paint)

    route = DeferredRoute("/wrong", wrong)
    for _ in range(2):
        with pytest.raises(FastAPIError, match="Paint"):
            _ = route.dependant


def test_what_a_route_never_has_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = DeferredRoute("/things/{number}", thing).no_such_thing
