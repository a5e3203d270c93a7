"""What can be wrong with a subscription to the feed."""

from camel_ext.core.errors import Invalid, NotFound, Unavailable


class BadCursor(Invalid):
    """The cursor is not one of the feed's: take it from a `cursor` the feed sent, or leave it out."""


class UnknownTopic(Invalid):
    """No event and no frame has that name."""


class StreamUnknown(NotFound):
    """There is no such stream: it is over and forgotten, or it never began on this server."""


class Stopping(Unavailable):
    """The server is stopping: connect again in a moment, with your last cursor."""


class TooSlow(Unavailable):
    """Nothing was read for a minute: connect again with your last cursor, nothing is lost."""
