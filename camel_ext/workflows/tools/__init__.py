"""Tools of agents: registry, sandbox for code, scratch folders that survive a crash.

A tool is Python code chosen by the operator, never by a YAML file. Not here: who may call which
tool (the agent's definition), the journal of calls (workflows), and tools of MCP servers.
"""

from camel_ext.workflows.tools.registry import (
    Tool,
    ToolContext,
    collect,
    effect_key,
    load,
    tool,
)

__all__ = ["Tool", "ToolContext", "collect", "effect_key", "load", "tool"]
