"""What schedules can start of this room: an improvement of a workflow."""

from camel_ext.experiments.improvements import cancel_improvement, start_improvement
from camel_ext.experiments.models import Improvement
from camel_ext.experiments.schemas import ImproveStart
from camel_ext.scheduling import Schedulable, schedulable, states_of
from camel_ext.workflows import asker_on_schedule

IMPROVEMENT = schedulable(
    Schedulable(
        name="experiments.start_improvement",
        words="Improve a workflow: from runs to a proven adapter.",
        arguments=ImproveStart,
        path="/api/v1/improvements/{id}",
        start=lambda db, asking, wanted: (
            start_improvement(db, asker_on_schedule(asking), wanted).id
        ),
        look=states_of(Improvement),
        stop=lambda db, asking, one: cancel_improvement(db, asker_on_schedule(asking), one),
    )
)
