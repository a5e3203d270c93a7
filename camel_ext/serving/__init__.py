"""Serving: model calls, from a request in OpenAI's words to an answer.

It holds the engines (the bundled model on this machine, any OpenAI-compatible endpoint) and how the
bundled model gets here. It is not the registry, which knows what models, versions and aliases there
are, nor the interactions room, which keeps what was said.
"""

from camel_ext.serving.bundled import (
    BUNDLED,
    bundled_path,
    find_bundled,
    pull_bundled,
    verify_bundled,
)
from camel_ext.serving.engines import ChatReply, ChatRequest, Delta, Engine, Health
from camel_ext.serving.errors import CircuitOpen, EngineRefused, EngineTimeout, EngineUnavailable

__all__ = [
    "BUNDLED",
    "ChatReply",
    "ChatRequest",
    "CircuitOpen",
    "Delta",
    "Engine",
    "EngineRefused",
    "EngineTimeout",
    "EngineUnavailable",
    "Health",
    "bundled_path",
    "find_bundled",
    "pull_bundled",
    "verify_bundled",
]
