"""Our memory under camel's agent: equal to camel's, and lawful where camel would use it."""

from typing import Any

from camel.memories import AgentMemory

from camel_ext.workflows.agents.backend import CharCounter
from camel_ext.workflows.agents.memory import Talk, as_record

CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at": 1}'}}
MESSAGES: list[dict[str, Any]] = [
    {"role": "system", "content": "You look."},
    {"role": "user", "content": "Look!"},
    {"role": "assistant", "content": "", "tool_calls": [CALL]},
    {"role": "tool", "content": "nothing", "tool_call_id": "c1"},
    {"role": "assistant", "content": "I saw nothing."},
]


def talk() -> Talk:
    memory = Talk(CharCounter(), 4096)
    memory.write_records([as_record(message, {"c1": "look"}) for message in MESSAGES])
    return memory


def test_records_become_messages_and_messages_records() -> None:
    memory = talk()
    assert isinstance(memory, AgentMemory)
    assert memory.messages == MESSAGES
    creator = memory.get_context_creator()
    assert creator.create_context(memory.retrieve()) == memory.get_context()


def test_rewinding_forgets_the_end_and_its_tokens() -> None:
    memory = talk()
    mark, tokens = memory.mark(), memory.token_count
    memory.shown = mark
    memory.write_records([as_record({"role": "user", "content": "Again!"}, {})])
    memory.shown += 1
    memory.rewind(mark)
    assert (memory.messages, memory.token_count, memory.shown) == (MESSAGES, tokens, mark)


def test_loading_keeps_the_system_message() -> None:
    memory = talk()
    memory.load([{"role": "user", "content": "Hi."}])
    assert memory.messages == [MESSAGES[0], {"role": "user", "content": "Hi."}]
    memory.load(MESSAGES[1:])
    assert memory.messages == MESSAGES
    assert memory.token_count == talk().token_count
    assert memory.history() == MESSAGES[1:]
    memory.clear()
    assert (memory.messages, memory.token_count, memory.history()) == ([], 0, [])
