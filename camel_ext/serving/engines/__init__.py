"""Engines: whatever answers a chat call, behind one protocol.

A local llama.cpp server in its own supervised process, and any OpenAI-compatible endpoint. An engine
is not the gateway: it knows no alias, project, price or log, and it decides nothing about them.
"""

from camel_ext.serving.engines.protocol import (
    ChatReply,
    ChatRequest,
    Delta,
    Engine,
    Health,
    wire_body,
)

__all__ = ["ChatReply", "ChatRequest", "Delta", "Engine", "Health", "wire_body"]
