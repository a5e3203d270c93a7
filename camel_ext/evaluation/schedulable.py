"""What schedules can start of this room: an evaluation of a workflow or a model."""

from camel_ext.evaluation.evaluations import cancel_evaluation, start_evaluation
from camel_ext.evaluation.models import Evaluation
from camel_ext.evaluation.schemas import EvaluationStart
from camel_ext.scheduling import Schedulable, schedulable, states_of
from camel_ext.workflows import asker_on_schedule

EVALUATION = schedulable(
    Schedulable(
        name="evaluation.start_evaluation",
        words="Evaluate a workflow or a model with a suite.",
        arguments=EvaluationStart,
        path="/api/v1/evaluations/{id}",
        start=lambda db, asking, wanted: start_evaluation(db, asker_on_schedule(asking), wanted).id,
        look=states_of(Evaluation),
        stop=lambda db, asking, one: cancel_evaluation(db, asking.clock, one),
    )
)
