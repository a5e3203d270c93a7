"""Routes of suites and their versions."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Body, Depends, Path, Request, Response

from camel_ext.core.door import Created
from camel_ext.core.http import problems
from camel_ext.core.paging import Page, Place, place
from camel_ext.core.routes import Router
from camel_ext.evaluation import suites
from camel_ext.evaluation.models import Suite, SuiteVersion
from camel_ext.evaluation.schemas import SuiteShown, SuiteVersionListed, SuiteVersionShown
from camel_ext.evaluation.suite_schemas import SuiteCreate
from camel_ext.identity import Editor, Viewer

router = Router(prefix="/api/v1", tags=["evaluation"])

Where = Annotated[Place, Depends(place)]
SuiteName = Annotated[
    str, Path(description="The suite.", max_length=64, examples=["brief-answers"])
]
NEW = {
    "brief": {
        "value": {
            "name": "brief-answers",
            "scorers": {
                "brief": {"verify": "length", "params": {"unit": "words", "max": 15}},
                "relevant": {"verify": "relevance", "per_case": {"to": "goal"}},
            },
            "cases": [
                {"topic": "sky", "input": {"goal": "Why is the sky blue?"}},
                {"topic": "sea", "input": {"goal": "Why is the sea salty?"}},
            ],
        }
    }
}


@router.post("/suites", status_code=201, response_model=SuiteVersionListed,
             responses=problems(409), summary="Define a suite, or its next version")  # fmt: skip
async def define(
    body: Annotated[SuiteCreate, Body(openapi_examples=NEW)], request: Request, door: Editor
) -> Response:
    runtime = door.runtime

    def make(db: Any) -> Created:
        made = suites.define_suite(db, runtime.clock, runtime.new_id, door.principal_id, body)
        return Created(made, f"/api/v1/suite-versions/{made.id}")

    return await door.create(request, SuiteVersionListed, make)


@router.get("/suites", response_model=Page[SuiteShown], responses=problems(),
            summary="Suites, newest first")  # fmt: skip
async def list_(door: Viewer, where: Where) -> dict[str, Any]:
    return _page(await door.read(suites.list_suites, where))


@router.get("/suites/{name}", response_model=SuiteShown, responses=problems(404),
            summary="One suite")  # fmt: skip
async def show(name: SuiteName, door: Viewer) -> Suite:
    return await door.read(suites.get_suite, name)


@router.get("/suites/{name}/versions", response_model=Page[SuiteVersionListed],
            responses=problems(404), summary="Versions of a suite, newest first")  # fmt: skip
async def versions(name: SuiteName, door: Viewer, where: Where) -> dict[str, Any]:
    return _page(await door.read(suites.list_suite_versions, name, where))


@router.get("/suite-versions/{version_id}", response_model=SuiteVersionShown,
            responses=problems(404), summary="One version of a suite, with its cases")  # fmt: skip
async def show_version(
    version_id: Annotated[UUID, Path(description="Its id.")], door: Viewer
) -> SuiteVersion:
    return await door.read(suites.get_suite_version, version_id)


def _page(found: tuple[list[Any], str | None]) -> dict[str, Any]:
    return {"items": found[0], "next_cursor": found[1]}
