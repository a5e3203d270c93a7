"""What can be wrong with who is asking."""

from camel_ext.core.errors import Conflict, Forbidden, Unauthorized


class KeyMissing(Unauthorized):
    """Send a key as `Authorization: Bearer cx_...`; `camel-ext keys` shows where yours is."""


class KeyRefused(Unauthorized):
    """This key is unknown, expired or revoked."""


class RoleTooLow(Forbidden):
    """Your role does not allow this."""


class NameTaken(Conflict):
    """There is one by this name already."""


class LastOwnerKey(Conflict):
    """The key you are using cannot revoke itself: use another owner's key."""
