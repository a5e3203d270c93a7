"""pydantic builds a model's validator when it is first used, not when its module is imported.

A server has some three hundred models, and a start needs none of them: building them was a quarter of
its CPU. Import this before FastAPI, which has models of its own. It changes when models are built,
not what they accept.
"""

import warnings
from threading import RLock
from typing import Any

from pydantic import BaseModel
from pydantic.warnings import UnsupportedFieldAttributeWarning

_ALONE = RLock()
_rebuild: Any = BaseModel.model_rebuild.__func__  # type: ignore[attr-defined]  # of the classmethod


def _rebuild_alone(
    cls: type[BaseModel],
    *,
    force: bool = False,
    raise_errors: bool = True,
    _parent_namespace_depth: int = 2,
    _types_namespace: Any = None,
) -> bool | None:
    """Build a model, one thread at a time.

    Source: pydantic 2.12 says of it that it "isn't thread-safe"; the one who comes second could take
    the validator away that the first has just set. Two readers may well need the same model first.
    """
    with _ALONE:
        rebuilt: bool | None = _rebuild(
            cls,
            force=force,
            raise_errors=raise_errors,
            _parent_namespace_depth=_parent_namespace_depth + 1,
            _types_namespace=_types_namespace,
        )
        return rebuilt


BaseModel.model_rebuild = classmethod(_rebuild_alone)  # type: ignore[assignment]
BaseModel.model_config["defer_build"] = True  # each model inherits it
# FastAPI names its parameters by an alias where pydantic wants none, and hides the warning while it
# makes them; they are built later now (fastapi/_compat/v2.py, ModelField.__post_init__).
warnings.filterwarnings("ignore", category=UnsupportedFieldAttributeWarning)
