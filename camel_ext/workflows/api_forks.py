"""Routes of forks: one logged call, asked again."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path, Query, Request, Response

from camel_ext.core.door import Created
from camel_ext.core.http import problems
from camel_ext.core.paging import Page, Place, place
from camel_ext.core.routes import Router
from camel_ext.identity import Editor, Viewer
from camel_ext.workflows import forks
from camel_ext.workflows.askers import asker_of
from camel_ext.workflows.models import Fork
from camel_ext.workflows.schemas_forks import ForkShown, ForkStart

router = Router(prefix="/api/v1/forks", tags=["workflows"])
ForkId = Annotated[UUID, Path(description="The fork's id.")]


@router.post("", status_code=202, response_model=ForkShown, responses=problems(404, 409),
             summary="Ask a logged call again, from the identical prompt")  # fmt: skip
async def start(body: ForkStart, request: Request, door: Editor) -> Response:
    asker = asker_of(door)
    return await door.create(
        request, ForkShown, lambda db: _created(forks.start_fork(db, asker, body)), status=202
    )


@router.get("", responses=problems(), summary="Forks, newest first")
async def list_(
    door: Viewer,
    where: Annotated[Place, Depends(place)],
    interaction_id: Annotated[UUID | None, Query(description="Only of this call.")] = None,
) -> Page[ForkShown]:
    found, following = await door.read(forks.list_forks, where, interaction_id)
    items = [ForkShown.model_validate(fork) for fork in found]
    return Page(items=items, next_cursor=following)


@router.get("/{fork_id}", response_model=ForkShown, responses=problems(404), summary="One fork")
async def show(fork_id: ForkId, door: Viewer) -> Fork:
    return await door.read(forks.get_fork, fork_id)


@router.post("/{fork_id}/cancel", response_model=ForkShown, responses=problems(404, 409),
             summary="Stop a fork for good")  # fmt: skip
async def cancel(fork_id: ForkId, door: Editor) -> Fork:
    return await door.write(forks.cancel_fork, door.runtime.clock, fork_id)


def _created(fork: Fork) -> Created:
    return Created(fork, f"/api/v1/forks/{fork.id}")
