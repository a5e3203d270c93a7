"""What schedules can start of this room: the training of an adapter."""

from camel_ext.scheduling import Schedulable, schedulable, states_of
from camel_ext.training.models import TrainingJob
from camel_ext.training.schemas import TrainingStart
from camel_ext.training.service import cancel_training, start_training

TRAINING = schedulable(
    Schedulable(
        name="training.start_training",
        words="Train an adapter on a dataset.",
        arguments=TrainingStart,
        path="/api/v1/trainings/{id}",
        start=lambda db, asking, wanted: (
            start_training(db, asking.clock, asking.new_id, asking.principal_id, wanted).id
        ),
        look=states_of(TrainingJob),
        stop=lambda db, asking, one: cancel_training(db, asking.clock, one),
    )
)
