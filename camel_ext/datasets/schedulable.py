"""What schedules can start of this room: the next version of a dataset."""

from camel_ext.datasets.models import DatasetVersion
from camel_ext.datasets.schemas import DatasetBuild
from camel_ext.datasets.versions import cancel_build, start_build
from camel_ext.scheduling import Schedulable, schedulable, states_of

VERSION = schedulable(
    Schedulable(
        name="datasets.build_version",
        words="Build the next version of a dataset from judged answers.",
        arguments=DatasetBuild,
        path="/api/v1/dataset-versions/{id}",
        start=lambda db, asking, wanted: (
            start_build(db, asking.clock, asking.new_id, asking.principal_id, wanted).id
        ),
        look=states_of(DatasetVersion),
        stop=lambda db, asking, one: cancel_build(db, asking.clock, one),
    )
)
