"""What can be wrong with asking the log."""

from camel_ext.core.errors import Invalid, NotFound


class InteractionUnknown(NotFound):
    """There is no such interaction in this project."""


class RangeInvalid(Invalid):
    """Times carry an offset, like 2030-01-31T00:00Z."""
