"""What can be wrong with a schedule; a firing that could not start its task is data, not one of these."""

from camel_ext.core.errors import Conflict, Invalid, NotFound


class ScheduleUnknown(NotFound):
    """There is no such schedule in this project."""


class TaskUnknown(NotFound):
    """There is no task by that name that can be scheduled: GET /api/v1/schedulable-tasks lists them."""


class TimingInvalid(Invalid):
    """The times cannot be used as they were given."""


class ArgumentsInvalid(Invalid):
    """The arguments do not fit the task."""


class ScheduleNameTaken(Conflict):
    """There is a schedule by this name already."""
