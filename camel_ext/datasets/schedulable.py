"""What schedules can start of this room: the next version of a dataset, or one as a file."""

from camel_ext.datasets.exports import cancel_export, start_export
from camel_ext.datasets.models import DatasetExport, DatasetVersion
from camel_ext.datasets.schemas import DatasetBuild
from camel_ext.datasets.schemas_exports import ExportStart
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

EXPORT = schedulable(
    Schedulable(
        name="datasets.export_version",
        words="Write the newest version of a dataset to a file in the operator's folder.",
        arguments=ExportStart,
        path="/api/v1/dataset-exports/{id}",
        start=lambda db, asking, wanted: (
            start_export(db, asking.clock, asking.new_id, asking.principal_id, wanted).id
        ),
        look=states_of(DatasetExport),
        stop=lambda db, asking, one: cancel_export(db, asking.clock, one),
    )
)
