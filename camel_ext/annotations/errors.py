"""What can be wrong with judging; a verdict that says "failed" is a finding, not one of these."""

from camel_ext.core.errors import Conflict, Forbidden, Invalid, NotFound


class AnnotationUnknown(NotFound):
    """There is no such annotation in this project."""


class BatchUnknown(NotFound):
    """There is no such batch in this project."""


class QueueUnknown(NotFound):
    """There is no queue by that name or id in this project."""


class ItemUnknown(NotFound):
    """There is no such item of a queue in this project."""


class JudgementInvalid(Invalid):
    """The judgement cannot be taken as it was sent."""


class BatchInvalid(Invalid):
    """The batch cannot be run as it was asked for."""


class QueueInvalid(Invalid):
    """The queue cannot be made as it was asked for."""


class WrittenOnce(Conflict):
    """Judgements are written once: judge again, or withdraw."""


class Superseded(Conflict):
    """Another judgement took the place of this one, or it was withdrawn."""


class NotYours(Forbidden):
    """Only who wrote a judgement, or an owner, may take it back."""


class BatchStateUnfit(Conflict):
    """The batch is in a state that does not allow this."""


class QueueNameTaken(Conflict):
    """There is a queue by this name already."""


class ItemDone(Conflict):
    """Somebody has judged this item already."""


class ItemTaken(Conflict):
    """Somebody else has reserved this item."""


class ReservationExpired(Conflict):
    """The item was not reserved, or no longer: reserve it again, then send your judgement."""


class QueueClosed(Conflict):
    """The queue is closed and takes no more judgements."""
