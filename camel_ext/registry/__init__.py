"""Models, adapters, their immutable versions, and the aliases that share traffic between them.

Everything that is asked or trained is named here. It is not an engine: it opens no model file, calls
no provider and reads no secret; it says where a secret lies.
"""

from camel_ext.registry.aliases import (
    create_alias,
    get_alias,
    list_aliases,
    list_moves,
    move_alias,
    retire_alias,
    shares_of,
)
from camel_ext.registry.entries import (
    KEY_PLACES,
    NAME_PATTERN,
    AdapterEntry,
    AnyEntry,
    LocalEntry,
    ModelEntry,
    ModelsFile,
    Name,
    ProviderEntry,
    TargetEntry,
    alias_targets,
)
from camel_ext.registry.errors import AliasUnknown, ModelUnknown, VersionUnknown
from camel_ext.registry.models import EngineKind, ModelKind
from camel_ext.registry.resolve import (
    AliasResolved,
    Price,
    ResolvedAdapter,
    ResolvedModel,
    SecretReference,
    known_names,
    pick_target,
    resolve_alias,
    resolve_shares,
    resolve_version,
)
from camel_ext.registry.service import AppliedModel, AppliedModels, apply_models
from camel_ext.registry.versions import (
    find_target,
    get_model,
    get_version,
    list_models,
    list_versions,
    register_model,
)

__all__ = [
    "KEY_PLACES",
    "NAME_PATTERN",
    "AdapterEntry",
    "AliasResolved",
    "AliasUnknown",
    "AnyEntry",
    "AppliedModel",
    "AppliedModels",
    "EngineKind",
    "LocalEntry",
    "ModelEntry",
    "ModelKind",
    "ModelUnknown",
    "ModelsFile",
    "Name",
    "Price",
    "ProviderEntry",
    "ResolvedAdapter",
    "ResolvedModel",
    "SecretReference",
    "TargetEntry",
    "VersionUnknown",
    "alias_targets",
    "apply_models",
    "create_alias",
    "find_target",
    "get_alias",
    "get_model",
    "get_version",
    "known_names",
    "list_aliases",
    "list_models",
    "list_moves",
    "list_versions",
    "move_alias",
    "pick_target",
    "register_model",
    "resolve_alias",
    "resolve_shares",
    "resolve_version",
    "retire_alias",
    "shares_of",
]
