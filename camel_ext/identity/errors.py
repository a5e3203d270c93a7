"""What can be wrong with who is asking."""

from camel_ext.core.errors import Conflict, Forbidden, QuotaExceeded, TooLarge, Unauthorized


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


class CodeRefused(Unauthorized):
    """This link to sign in was used, or is too old: `camel-ext open` makes a new one."""


class TooManyTries(QuotaExceeded):
    """Too many wrong codes in a minute: `camel-ext open` makes a right one."""


class NotABrowserKey(Conflict):
    """Only a browser's key signs itself out; an owner revokes others with `camel-ext keys revoke`."""


class PreferencesTooLarge(TooLarge):
    """These preferences take more than is kept: delete views or columns you no longer need."""
