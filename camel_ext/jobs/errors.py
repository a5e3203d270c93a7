"""What can be wrong with looking at the queue and steering it."""

from camel_ext.core.errors import Conflict, Invalid, NotFound


class JobUnknown(NotFound):
    """There is no such job in this project."""


class QueueUnknown(NotFound):
    """There is no queue by that name: `GET /api/v1/queues` lists them."""


class JobKindUnknown(NotFound):
    """There is no kind of job by that name."""


class WorkerUnknown(NotFound):
    """There is no such worker now."""


class LimitUnknown(NotFound):
    """There is no such limit in this project: `GET /api/v1/limits` lists them."""


class LimitNameUnfit(Invalid):
    """A limit is of `workflow:NAME`, `model:NAME` or `device:NAME`."""


class JobStateUnfit(Conflict):
    """The job is not in a state in which this can be done."""


class JobNotStoppable(Conflict):
    """Jobs of this kind are short and cannot be stopped on their own."""


class JobNotRepeatable(Conflict):
    """A job of this kind is not queued again: start anew what it worked for."""
