"""Tools of agents: registry, sandbox for code, scratch folders that survive a crash.

A tool is Python code chosen by the operator, never by a YAML file. Not here: who may call which
tool (the agent's definition), the journal of calls (workflows), and tools of MCP servers.
"""

from camel_ext.workflows.tools.builtin import code_tools
from camel_ext.workflows.tools.limits import Limits
from camel_ext.workflows.tools.registry import Tool, ToolContext, collect, effect_key, load, tool
from camel_ext.workflows.tools.sandbox import Availability, Sandbox
from camel_ext.workflows.tools.scratch import Scratch, remove_tree
from camel_ext.workflows.tools.turn import ToolTurn, execute

__all__ = [
    "Availability",
    "Limits",
    "Sandbox",
    "Scratch",
    "Tool",
    "ToolContext",
    "ToolTurn",
    "code_tools",
    "collect",
    "effect_key",
    "execute",
    "load",
    "remove_tree",
    "tool",
]
