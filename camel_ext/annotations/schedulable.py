"""What schedules can start of this room: a verifier over many answers."""

from camel_ext.annotations.batches import cancel_batch, start_batch
from camel_ext.annotations.models import Batch
from camel_ext.annotations.schemas_batches import BatchStart
from camel_ext.scheduling import Schedulable, schedulable, states_of

BATCH = schedulable(
    Schedulable(
        name="annotations.start_batch",
        words="Judge answers by a verifier.",
        arguments=BatchStart,
        path="/api/v1/annotation-batches/{id}",
        start=lambda db, asking, wanted: (
            start_batch(db, asking.clock, asking.new_id, asking.principal_id, wanted).id
        ),
        look=states_of(Batch),
        stop=lambda db, asking, one: cancel_batch(db, asking.clock, one),
    )
)
