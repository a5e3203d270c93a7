"""What can be wrong with tools, for operator and run.

What a *model* did wrong (bad arguments, a failing program) is not here: it goes back to the model as
text, see `registry.Tool.run`.
"""

from camel_ext.core.errors import Conflict, Invalid, TooLarge, Unavailable


class ToolBroken(Invalid):
    """A function cannot be offered as a tool; the message says which and what to change."""


class ToolModuleMissing(Invalid):
    """A module named in the setting of tool modules cannot be imported."""


class ToolNameTaken(Invalid):
    """Two tools carry the same name: rename one of them."""


class SandboxMissing(Unavailable):
    """There is no sandbox on this machine, so tools that run code refuse to run."""

    retryable = False  # waiting installs nothing


class SandboxFailed(Unavailable):
    """The sandbox worked before and could not be set up now; the command did not run."""


class ScratchFull(TooLarge):
    """A call left more in its scratch folder than is allowed; what it changed was dropped."""


class ScratchLost(Conflict):
    """The files that an earlier tool call of this run left behind are gone."""
