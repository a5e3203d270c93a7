"""What the task of an improvement writes: a stage begun, its children started, a stage ended.

Each function is one transaction, under the job's fence; between any two of them the process may die,
and the next one goes on where the rows say. The waiting in between is the task's.
"""

from uuid import UUID

from sqlalchemy.orm import Session

from camel_ext.core.models import State, WaitingFor
from camel_ext.core.outbox import publish
from camel_ext.experiments.events import ImprovementWaiting, StageEntered
from camel_ext.experiments.improvements import finish, get_improvement, stop_children
from camel_ext.experiments.models import Improvement, ImprovementStage, StageName
from camel_ext.experiments.order import stages_of
from camel_ext.experiments.stages import Json, Look, Stage, load_way
from camel_ext.workflows import Asker

STARTED_AT_ONCE = 20  # children of one commit: about 100 ms of the one writer
LOOKED_AT_ONCE = 200


def find(db: Session, improvement_id: UUID) -> Improvement:
    """Return an improvement. Raises: ImprovementUnknown."""
    return get_improvement(db, improvement_id)


def enter(db: Session, asker: Asker, improvement_id: UUID) -> tuple[Improvement, list[Stage]]:
    """Say that an improvement runs; return it with the stages that are still to be done."""
    way = load_way(db, improvement_id, asker, lock=True)
    improvement = way.improvement
    if improvement.state.is_final:
        return improvement, []
    improvement.state, improvement.waiting_for = State.RUNNING, None
    improvement.started_at = improvement.started_at or asker.clock.now()
    open_stages = [
        stage
        for stage in stages_of(way.config)
        if (row := way.stages.get(stage.name)) is None or row.state != State.SUCCEEDED
    ]
    return improvement, open_stages


def begin(db: Session, asker: Asker, improvement_id: UUID, stage: Stage) -> None:
    """Write down what a stage is to start, once; one that failed before begins anew."""
    way = load_way(db, improvement_id, asker)
    row = way.stages.get(stage.name)
    if row is not None and row.state == State.RUNNING:
        return
    planned = stage.plan(db, way)
    if row is None:
        position = [each.name for each in stages_of(way.config)].index(stage.name) + 1
        row = ImprovementStage(
            improvement_id=improvement_id, name=stage.name, position=position, result=None
        )
        db.add(row)
    row.state, row.planned, row.children = State.RUNNING, planned, []
    row.started_at, row.finished_at = asker.clock.now(), None
    way.improvement.stage = stage.name
    _say(db, asker, way.improvement, stage.name, State.RUNNING)


def start_some(db: Session, asker: Asker, improvement_id: UUID, stage: Stage) -> bool:
    """Start a few of a stage's children with their ids written beside them; tell if all are."""
    way = load_way(db, improvement_id, asker)
    row = way.stages[stage.name]
    first = len(row.children)
    fresh = [
        str(stage.start(db, way, wanted)) for wanted in row.planned[first : first + STARTED_AT_ONCE]
    ]
    row.children = [*row.children, *fresh]
    return len(row.children) == len(row.planned)


def look_at(
    db: Session, asker: Asker, improvement_id: UUID, stage: Stage, children: list[UUID]
) -> dict[UUID, Look]:
    """Return how these children stand; at most so many at once."""
    way = load_way(db, improvement_id, asker)
    return {child: stage.look(db, way, child) for child in children[:LOOKED_AT_ONCE]}


def children_of(db: Session, asker: Asker, improvement_id: UUID, stage: Stage) -> list[UUID]:
    """Return what a stage started."""
    return load_way(db, improvement_id, asker).children(stage.name)


def end(
    db: Session, asker: Asker, improvement_id: UUID, stage: Stage, looks: dict[UUID, Look]
) -> Json | None:
    """Write what came of a stage; None where a person has to decide first.

    Raises: what the stage raises, where nothing good came of it.
    """
    way = load_way(db, improvement_id, asker, lock=True)
    result = stage.end(db, way, looks)
    if result.get("waits"):
        improvement = way.improvement
        improvement.state, improvement.waiting_for = State.WAITING, WaitingFor.PERSON
        said = ImprovementWaiting(
            str(improvement.id), improvement.workflow, str(improvement.verdict)
        )
        publish(db, asker.clock, said)
        return None
    row = way.stages[stage.name]
    row.state, row.result, row.finished_at = State.SUCCEEDED, result, asker.clock.now()
    _say(db, asker, way.improvement, stage.name, State.SUCCEEDED)
    return result


def succeed(db: Session, asker: Asker, improvement_id: UUID) -> None:
    """Write that an improvement is done."""
    way = load_way(db, improvement_id, asker, lock=True)
    finish(db, asker, way.improvement, State.SUCCEEDED)


def fail(db: Session, asker: Asker, improvement_id: UUID, code: str, detail: str) -> None:
    """Write what an improvement failed of; what it started is stopped, what is done stays."""
    way = load_way(db, improvement_id, asker, lock=True)
    if way.improvement.state.is_final:
        return
    stop_children(db, asker, improvement_id)
    for row in way.stages.values():
        if row.state == State.CANCELLED and row.name == way.improvement.stage:
            row.state = State.FAILED
    finish(db, asker, way.improvement, State.FAILED, (code, detail))


def cancel(db: Session, asker: Asker, improvement_id: UUID) -> None:
    """Write that an improvement was cancelled, and cancel what it started."""
    way = load_way(db, improvement_id, asker, lock=True)
    stop_children(db, asker, improvement_id)
    finish(db, asker, way.improvement, State.CANCELLED)


def _say(
    db: Session, asker: Asker, improvement: Improvement, stage: StageName, state: State
) -> None:
    said = StageEntered(str(improvement.id), improvement.workflow, stage, state)
    publish(db, asker.clock, said)
    db.flush()
