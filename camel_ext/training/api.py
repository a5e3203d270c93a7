"""Routes of trainings: asking for one, watching its curves, stopping it and going on; the tables."""

from functools import partial
from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import Body, Depends, Path, Query, Request, Response

from camel_ext.core.door import Created
from camel_ext.core.http import problems
from camel_ext.core.models import State
from camel_ext.core.paging import Page, Place, place
from camel_ext.core.routes import Router
from camel_ext.identity import ActorDoor, Editor, Viewer
from camel_ext.training import service
from camel_ext.training.environment import SETUP, explain_missing, find_environment, require_python
from camel_ext.training.hyper import TABLE
from camel_ext.training.models import MetricKind, TrainingJob
from camel_ext.training.presets import DEFAULT_PRESET, PRESETS
from camel_ext.training.process import yard_of
from camel_ext.training.schemas import (
    ConsoleShown,
    EnvironmentShown,
    HyperShown,
    HyperTableShown,
    MetricShown,
    MetricsShown,
    PresetShown,
    PresetsShown,
    TrainingListed,
    TrainingShown,
    TrainingStart,
)
from camel_ext.training.tailing import read_console_after

router = Router(prefix="/api/v1/trainings", tags=["training"])
TrainingId = Annotated[UUID, Path(description="The training's id.")]
EXAMPLES = {
    "quick": {
        "value": {
            "name": "brevity",
            "base": "bundled",
            "dataset": "brevity-pairs",
            "preset": "quick",
        }
    },
    "look": {
        "value": {
            "name": "brevity",
            "base": "bundled",
            "dataset": "brevity-pairs@2",
            "hyper": {"beta": 0.2, "lora_r": 8},
            "dry_run": True,
        }
    },
}


@router.post("", status_code=202, response_model=TrainingShown,
             responses=problems(404, 409, 422, 503), summary="Train an adapter")  # fmt: skip
async def start(
    body: Annotated[TrainingStart, Body(openapi_examples=EXAMPLES)],
    request: Request,
    door: Editor,
) -> Response:
    await _require_environment(door)
    runtime = door.runtime
    return await door.create(
        request,
        TrainingShown,
        lambda db: _created(
            service.start_training(db, runtime.clock, runtime.new_id, door.principal_id, body)
        ),
        status=202,
    )


@router.get("", responses=problems(), summary="Trainings, newest first")
async def list_(
    door: Viewer,
    where: Annotated[Place, Depends(place)],
    state: Annotated[State | None, Query(description="Only trainings in this state.")] = None,
) -> Page[TrainingListed]:
    found, following = await door.read(service.list_trainings, where, state)
    items = [TrainingListed.model_validate(each) for each in found]
    return Page(items=items, next_cursor=following)


@router.get("/presets", responses=problems(), summary="Hyper-parameters that go together")
async def presets(_door: Viewer) -> PresetsShown:
    items = [
        PresetShown(
            name=each.name,
            words=each.words,
            hyper=msgspec.to_builtins(each.hyper),
            differs=each.differs,
        )
        for each in PRESETS.values()
    ]
    return PresetsShown(items=items, default=DEFAULT_PRESET)


@router.get("/hyper", responses=problems(), summary="What each hyper-parameter means")
async def hyper(_door: Viewer) -> HyperTableShown:
    items = [
        HyperShown(
            name=each.name,
            meaning=each.meaning,
            default=each.default,
            range=each.range,
            unit=each.unit,
            source=each.source,
        )
        for each in TABLE
    ]
    return HyperTableShown(items=items)


@router.get("/environment", responses=problems(), summary="Whether this server can train")
async def environment(door: Viewer) -> EnvironmentShown:
    yard = yard_of(door.runtime)

    def look() -> EnvironmentShown:
        found = find_environment(yard.data_dir, yard.python)
        advice = None if found else f"{explain_missing(yard.data_dir, yard.python)} {SETUP}"
        return EnvironmentShown(
            ready=found is not None,
            python=None if found is None else str(found.python),
            versions={} if found is None else found.versions,
            slots=yard.slots,
            advice=advice,
        )

    return await door.runtime.threads.run("work", look)


@router.get("/{training_id}", response_model=TrainingShown, responses=problems(404),
            summary="One training")  # fmt: skip
async def show(training_id: TrainingId, door: Viewer) -> TrainingJob:
    return await door.read(service.get_training, training_id)


@router.get("/{training_id}/metrics", responses=problems(404),
            summary="A training's curves, in the order of steps")  # fmt: skip
async def metrics(
    training_id: TrainingId,
    door: Viewer,
    kind: Annotated[MetricKind, Query(description="Updates, or looks.")] = MetricKind.STEP,
    after: Annotated[int, Query(ge=-1, lt=2**31, description="Only steps after this one.")] = -1,
    limit: Annotated[int, Query(ge=1, le=10_000, description="At most so many.")] = 1_000,
) -> MetricsShown:
    found = await door.read(service.list_metrics, training_id, kind, after, limit + 1)
    items = [MetricShown.model_validate(each) for each in found[:limit]]
    return MetricsShown(items=items, next_after=items[-1].step if len(found) > limit else None)


@router.get("/{training_id}/console", responses=problems(404),
            summary="What its libraries said, by offset")  # fmt: skip
async def console(
    training_id: TrainingId,
    door: Viewer,
    after: Annotated[
        int | None,
        Query(
            ge=0, lt=2**53, description="`next_after` of the answer before; none: the last lines."
        ),
    ] = None,
) -> ConsoleShown:
    training = await door.read(service.get_training, training_id)
    folder = yard_of(door.runtime).folder(training_id)
    ended = training.state.is_final
    read = partial(read_console_after, folder, after, ended=ended)
    part = await door.runtime.threads.run("work", read)
    if part is None:
        return ConsoleShown(text=training.console_tail or "", next_after=None)
    return ConsoleShown(
        text=part.text, next_after=None if ended and not part.text else part.next_after
    )


@router.post("/{training_id}/cancel", response_model=TrainingShown, responses=problems(404),
             summary="Stop a training; it leaves a checkpoint")  # fmt: skip
async def cancel(training_id: TrainingId, door: Editor) -> TrainingJob:
    return await door.write(service.cancel_training, door.runtime.clock, training_id)


@router.post("/{training_id}/resume", response_model=TrainingShown,
             responses=problems(404, 409, 503),
             summary="Go on with a failed or cancelled training")  # fmt: skip
async def resume(training_id: TrainingId, door: Editor) -> TrainingJob:
    await _require_environment(door)
    runtime = door.runtime
    return await door.write(service.resume_training, runtime.clock, runtime.new_id, training_id)


def _created(training: TrainingJob) -> Created:
    return Created(training, f"/api/v1/trainings/{training.id}")


async def _require_environment(door: ActorDoor) -> None:
    """Refuse what this server could never train, now and not in a job; with no slots, others do.

    Raises: EnvironmentMissing.
    """
    yard = yard_of(door.runtime)
    if yard.slots:
        await door.runtime.threads.run("work", require_python, yard.data_dir, yard.python)
