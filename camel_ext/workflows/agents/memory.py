"""An agent's memory: a list of messages in OpenAI's format, appended to and rewound.

camel's own memory copies every record at every step (35 us per message: 17 ms at 500). Here a step
costs only what it adds. It keeps no clocks and no ids, so that a replayed step gives an equal
memory. It is not the log, and it does not summarise or forget.
"""
# mypy: disallow-subclassing-any=False

from collections.abc import Sequence

from camel.memories import AgentMemory, BaseContextCreator, ContextRecord, MemoryRecord
from camel.messages import BaseMessage, FunctionCallingMessage
from camel.types import OpenAIBackendRole, RoleType
from camel.utils import BaseTokenCounter

from camel_ext.workflows.agents.calls import Json


class Talk(AgentMemory):
    """Messages in order. It must not define `__len__`: camel would take an empty one for None."""

    def __init__(self, counter: BaseTokenCounter, token_limit: int) -> None:
        self.messages: list[Json] = []
        self.token_count = 0
        self.shown = 0  # messages in the latest model call that was answered
        self._agent_id: str | None = None
        self._counter = counter
        self._creator = PlainContext(counter, token_limit)

    @property
    def agent_id(self) -> str | None:
        return self._agent_id

    @agent_id.setter
    def agent_id(self, value: str | None) -> None:
        self._agent_id = value

    def get_context(self) -> tuple[list[Json], int]:
        """Return the live list, uncopied: our backend copies it once per model call."""
        return self.messages, self.token_count

    def write_records(self, records: list[MemoryRecord]) -> None:
        self._extend([record.to_openai_message() for record in records])

    def retrieve(self) -> list[ContextRecord]:
        """Return camel's records, made anew; nothing on a step's path calls this."""
        names = {
            call["id"]: call["function"]["name"]
            for message in self.messages
            for call in message.get("tool_calls") or ()
        }
        return [
            ContextRecord(memory_record=as_record(message, names), score=1.0)
            for message in self.messages
        ]

    def get_context_creator(self) -> BaseContextCreator:
        return self._creator

    def clear(self) -> None:
        self.rewind(0)

    def mark(self) -> int:
        """Return where `rewind` comes back to."""
        return len(self.messages)

    def rewind(self, mark: int) -> None:
        """Forget what was appended since the mark."""
        self.token_count -= self._counter.count_tokens_from_messages(self.messages[mark:])
        del self.messages[mark:]
        self.shown = min(self.shown, mark)

    def history(self) -> list[Json]:
        """Return the messages but for the system message."""
        return self.messages[self._start() :]

    def load(self, history: Sequence[Json]) -> None:
        """Replace everything but the system message."""
        self.rewind(self._start())
        self._extend(list(history))
        self.shown = 0

    def _start(self) -> int:
        return 1 if self.messages and self.messages[0]["role"] == "system" else 0

    def _extend(self, messages: list[Json]) -> None:
        self.messages += messages
        self.token_count += self._counter.count_tokens_from_messages(messages)


class PlainContext(BaseContextCreator):
    """What camel wants beside a memory; the context is the memory itself."""

    def __init__(self, counter: BaseTokenCounter, token_limit: int) -> None:
        self._counter = counter
        self._limit = token_limit

    @property
    def token_counter(self) -> BaseTokenCounter:
        return self._counter

    @property
    def token_limit(self) -> int:
        return self._limit

    def create_context(self, records: list[ContextRecord]) -> tuple[list[Json], int]:
        messages = [record.memory_record.to_openai_message() for record in records]
        return messages, self._counter.count_tokens_from_messages(messages)


def as_record(message: Json, tool_names: dict[str, str]) -> MemoryRecord:
    """Return camel's record of a message in OpenAI's format."""
    role, content = message["role"], message.get("content") or ""
    if role == "tool":
        call_id = message["tool_call_id"]
        inner = FunctionCallingMessage(
            role_name="tool",
            role_type=RoleType.ASSISTANT,
            meta_dict=None,
            content="",
            func_name=tool_names.get(call_id, "tool"),
            result=content,
            tool_call_id=call_id,
        )
        return MemoryRecord(message=inner, role_at_backend=OpenAIBackendRole.FUNCTION)
    calls = message.get("tool_calls")
    inner = BaseMessage(
        role_name=role,
        role_type=RoleType.USER if role == "user" else RoleType.ASSISTANT,
        meta_dict={"tool_calls": calls} if calls else None,
        content=content,
    )
    return MemoryRecord(message=inner, role_at_backend=OpenAIBackendRole(role))
