"""What schedules can start of this room: a run of a workflow, found again by its tag `schedule:NAME`."""

from uuid import UUID

from sqlalchemy.orm import Session

from camel_ext.scheduling import Asking, Schedulable, schedulable, states_of
from camel_ext.workflows.askers import asker_on_schedule
from camel_ext.workflows.models import Run
from camel_ext.workflows.runs import cancel_run, start_run
from camel_ext.workflows.schemas import RunStart

MOST_TAGS = 20


def start(db: Session, asking: Asking, wanted: RunStart) -> UUID:
    """Start a run."""
    tag = f"schedule:{asking.schedule}"
    if tag not in wanted.tags and len(wanted.tags) < MOST_TAGS:
        wanted = wanted.model_copy(update={"tags": [*wanted.tags, tag]})
    return start_run(db, asker_on_schedule(asking), wanted).id


RUN = schedulable(
    Schedulable(
        name="workflows.start_run",
        words="Run a workflow.",
        arguments=RunStart,
        path="/api/v1/runs/{id}",
        start=start,
        look=states_of(Run),
        stop=lambda db, asking, run_id: cancel_run(db, asking.clock, run_id, None),
    )
)
