"""Serving: model calls, from a request in OpenAI's words to an answer and the rows of its record.

It holds completions, the engines (the bundled model on this machine, any OpenAI-compatible endpoint),
the OpenAI-compatible gateway, and how the bundled model gets here. It is not the registry, which knows
what models, versions and aliases there are, nor the interactions room, which keeps what was said.
"""

from typing import TYPE_CHECKING, Any

from camel_ext.serving.bundled import (
    BUNDLED,
    bundled_path,
    find_bundled,
    pull_bundled,
    verify_bundled,
)
from camel_ext.serving.calls import Asked, Caller, Served
from camel_ext.serving.completion import complete, stream
from camel_ext.serving.engines import ChatReply, ChatRequest, Delta, Engine, Health
from camel_ext.serving.engines.gguf import GgufHeader
from camel_ext.serving.engines.gguf import read_header as read_gguf_header
from camel_ext.serving.errors import CircuitOpen, EngineRefused, EngineTimeout, EngineUnavailable
from camel_ext.serving.process import EXTRA as SERVING
from camel_ext.serving.process import Serving, serving_of
from camel_ext.serving.stations import MODELS, model_path, with_file

if TYPE_CHECKING:
    from camel_ext.serving.engines.local import LocalEngine
    from camel_ext.serving.engines.model_server import LocalOptions

__all__ = [
    "BUNDLED",
    "MODELS",
    "SERVING",
    "Asked",
    "Caller",
    "ChatReply",
    "ChatRequest",
    "CircuitOpen",
    "Delta",
    "Engine",
    "EngineRefused",
    "EngineTimeout",
    "EngineUnavailable",
    "GgufHeader",
    "Health",
    "LocalEngine",
    "LocalOptions",
    "Served",
    "Serving",
    "bundled_path",
    "complete",
    "find_bundled",
    "model_path",
    "pull_bundled",
    "read_gguf_header",
    "serving_of",
    "stream",
    "verify_bundled",
    "with_file",
]


def __getattr__(name: str) -> Any:
    """Import the local engine when somebody asks for it: httpx costs a start 0.1 s."""
    if name == "LocalEngine":
        from camel_ext.serving.engines.local import LocalEngine

        return LocalEngine
    if name == "LocalOptions":
        from camel_ext.serving.engines.model_server import LocalOptions

        return LocalOptions
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
