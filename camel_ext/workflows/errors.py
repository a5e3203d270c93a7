"""What can be wrong with workflows and their runs."""

from camel_ext.core.errors import Conflict, Invalid, NotFound


class DefinitionUnknown(NotFound):
    """There is no agent or workflow by this name."""


class RunUnknown(NotFound):
    """There is no run by this id."""


class RunStateUnfit(Conflict):
    """The run is in a state that does not allow this."""


class ForkUnknown(NotFound):
    """There is no fork by this id."""


class NothingToFork(Invalid):
    """The interaction has no prompt, so there is nothing to ask again."""


class ModelNotUsed(Invalid):
    """The workflow uses no alias by that name, so nothing can stand for it."""


class EffectUnknown(NotFound):
    """No call of this run waits for a decision under this step key."""


class StepUnknown(NotFound):
    """The run has no turn at this step."""


class NameInUse(Conflict):
    """Another configuration defines this name already."""


class ConfigurationUnknown(NotFound):
    """Nothing was applied under this name."""


class RevisionUnknown(NotFound):
    """The configuration has no such revision."""


class StepFailed(Invalid):
    """A step of the run could not be done."""
