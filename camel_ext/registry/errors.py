"""What can be wrong with models, versions and aliases."""

from camel_ext.core.errors import Conflict, Forbidden, Invalid, NotFound


class ModelUnknown(NotFound):
    """There is no model by that name in this project."""


class VersionUnknown(NotFound):
    """There is no such version in this project."""


class AliasUnknown(NotFound):
    """There is no alias by that name in this project, or it is retired."""


class NameTaken(Conflict):
    """There is one by this name already."""


class WrittenOnce(Conflict):
    """Versions and moves are written once and never changed."""


class TargetsInvalid(Invalid):
    """An alias points at one to twenty different versions, each with a weight above zero."""


class ModelsAreTheOwners(Forbidden):
    """What a model is, where it is asked and with which key takes the role owner."""
