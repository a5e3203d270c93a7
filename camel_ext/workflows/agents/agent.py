"""An agent and its steps, as the run sees them: plain JSON in, plain JSON out.

`AgentSession` keeps one assembled camel agent alive between the steps of a run, so that history is
not rebuilt at each; `step` does one step from a history. camel is imported by the first step. It
is not durable: what survives a crash is the run's journal, behind `Calls`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from camel_ext.core.errors import Invalid
from camel_ext.workflows.agents.calls import Calls, Json, ToolSpec
from camel_ext.workflows.agents.environment import prepare
from camel_ext.workflows.agents.errors import AgentBusy

if TYPE_CHECKING:
    from camel_ext.workflows.agents.chat import Chat


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """What an agent is: identity, system message, sampling parameters, limits.

    `params` goes into each `ModelCall` as it is (temperature, seed, max_tokens, ...).
    `context_tokens` is the model's window: one tool result longer than nine tenths of it is cut.
    `max_tool_rounds` is how many answers in a row may call tools before the agent must answer.
    """

    agent_id: str
    system: str
    context_tokens: int
    params: Json = field(default_factory=dict)
    max_tool_rounds: int = 12


@dataclass(frozen=True, slots=True)
class AgentAnswer:
    """What one step gave.

    `parsed` is the JSON of a step with a schema, else None. `history` is the whole memory without
    the system message, in OpenAI's format, for the agent's next step; `appended` is this step's
    end of it; both share their messages with the agent, so treat them as read-only. `usage` sums
    the model calls; `terminated_reason` is the last one's finish reason: `length` means that the
    text was cut.
    """

    text: str
    parsed: Any
    reasoning: str | None
    history: list[Json]
    appended: list[Json]
    usage: dict[str, int]
    model_calls: int
    tool_calls: int
    terminated_reason: str


class AgentSession:
    """One agent over the steps of one run; it takes one step at a time."""

    def __init__(
        self, spec: AgentSpec, tools: Sequence[ToolSpec] = (), history: Sequence[Json] = ()
    ) -> None:
        names = [tool.name for tool in tools]
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            raise Invalid(
                f"The agent {spec.agent_id} has two tools named {doubled[0]}: the model could not "
                "tell them apart. Rename one."
            )
        self.spec = spec
        self.tools = tuple(tools)
        self._history = list(history)
        self._chat: Chat | None = None
        self._busy = False

    async def step(
        self,
        text: str,
        calls: Calls,
        *,
        timeout_s: float | None = None,
        schema: Json | None = None,
    ) -> AgentAnswer:
        """Say `text` to the agent and return its answer; every failure leaves memory as it was.

        The first step of a process imports camel, 2 s during which the loop stands still: have
        `warm` called on a thread before. `timeout_s` starts anew when a step is run again.

        Raises: AgentBusy, AgentFailed (see `errors`), and whatever `calls` raised, untouched.
        """
        self._refuse_if_busy()
        self._busy = True
        try:
            return await self._assembled().step(text, calls, timeout_s, schema)
        finally:
            self._busy = False

    def dump(self) -> list[Json]:
        """Return the memory as plain JSON, without the system message (that is the spec's)."""
        self._refuse_if_busy()
        return self._chat.memory.history() if self._chat else list(self._history)

    def load(self, history: Sequence[Json]) -> None:
        """Replace the memory by one that `dump` or an answer's `history` gave."""
        self._refuse_if_busy()
        if self._chat:
            self._chat.memory.load(history)
        else:
            self._history = list(history)

    def _refuse_if_busy(self) -> None:
        if self._busy:
            raise AgentBusy(
                f"The agent {self.spec.agent_id} is in a step; doing anything else with it now "
                "would mix two conversations. Wait for the step, or use another session."
            )

    def _assembled(self) -> "Chat":
        if self._chat is None:
            prepare()
            from camel_ext.workflows.agents.chat import Chat

            self._chat = Chat(self.spec, self.tools)
            self._chat.memory.load(self._history)
            self._history = []
        return self._chat


async def step(
    spec: AgentSpec,
    history: Sequence[Json],
    text: str,
    calls: Calls,
    tools: Sequence[ToolSpec] = (),
    timeout_s: float | None = None,
    schema: Json | None = None,
) -> AgentAnswer:
    """Do one step of an agent from its history. Several steps are cheaper in an `AgentSession`."""
    session = AgentSession(spec, tools, history)
    return await session.step(text, calls, timeout_s=timeout_s, schema=schema)
