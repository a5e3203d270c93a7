"""One agent, one step at a time: camel-ai's ChatAgent assembled for durable runs.

camel itself (2 s, 85 MB) is imported by the first step or by `warm`, never by this face. It is not
the run: it has no journal, no retries, no clock; those are behind `Calls`.
"""

from camel_ext.workflows.agents.agent import AgentAnswer, AgentSession, AgentSpec, step
from camel_ext.workflows.agents.calls import (
    Calls,
    Effect,
    ModelAnswer,
    ModelCall,
    ToolRefused,
    ToolSpec,
)
from camel_ext.workflows.agents.environment import prepare, warm
from camel_ext.workflows.agents.errors import (
    AgentBusy,
    AgentFailed,
    AgentTimedOut,
    AnswerNotInSchema,
    EmptyAnswer,
    TooManyToolRounds,
)

__all__ = [
    "AgentAnswer",
    "AgentBusy",
    "AgentFailed",
    "AgentSession",
    "AgentSpec",
    "AgentTimedOut",
    "AnswerNotInSchema",
    "Calls",
    "Effect",
    "EmptyAnswer",
    "ModelAnswer",
    "ModelCall",
    "TooManyToolRounds",
    "ToolRefused",
    "ToolSpec",
    "prepare",
    "step",
    "warm",
]
