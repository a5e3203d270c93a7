"""One agent, one step at a time: camel-ai's ChatAgent assembled for durable runs.

camel itself (2 s, 85 MB) is imported by the first step or by `warm`, never by this face. It is not
the run: it has no journal, no retries, no clock; those are behind `Calls`.
"""

from camel_ext.workflows.agents.calls import (
    Calls,
    Effect,
    ModelAnswer,
    ModelCall,
    ToolRefused,
    ToolSpec,
)

__all__ = ["Calls", "Effect", "ModelAnswer", "ModelCall", "ToolRefused", "ToolSpec"]
