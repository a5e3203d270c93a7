"""How an agent step fails by itself; what the run raises passes through and is not here.

    AgentFailed 422
    ├── TooManyToolRounds   it went on calling tools instead of answering
    ├── EmptyAnswer         it answered with no text
    ├── AnswerNotInSchema   it answered, but not with the JSON that was asked for
    └── AgentTimedOut       the step took longer than its time
    AgentBusy 409           two steps of one agent at once

The agent's memory is as it was before the step after each of them.
"""

from camel_ext.core.errors import Conflict, Invalid


class AgentFailed(Invalid):
    """The agent gave no usable answer."""


class TooManyToolRounds(AgentFailed):
    """The agent went on calling tools without answering."""


class EmptyAnswer(AgentFailed):
    """The agent answered with no text."""


class AnswerNotInSchema(AgentFailed):
    """The agent's answer is not the JSON that was asked for."""


class AgentTimedOut(AgentFailed):
    """The agent did not answer in time."""


class AgentBusy(Conflict):
    """This agent is in a step: one agent takes one step at a time."""
