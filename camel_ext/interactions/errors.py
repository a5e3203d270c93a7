"""What can be wrong with asking the log."""

from camel_ext.core.errors import NotFound


class InteractionUnknown(NotFound):
    """There is no such interaction in this project."""
