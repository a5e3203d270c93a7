"""What can be wrong with asking the log."""

from camel_ext.core.errors import Invalid, NotFound


class InteractionUnknown(NotFound):
    """There is no such interaction in this project."""


class LineInvalid(Invalid):
    """A line of calls to import cannot be read: nothing of the request was kept."""
