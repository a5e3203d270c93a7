"""What we take for granted in camel-ai: each test says what breaks when a release changes it.

Private names are used only by `chat.LeanAgent`; the rest are habits of public ones.
"""

import ast
import inspect
import sys
import textwrap
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

import camel_ext.workflows.agents as room
from camel_ext.workflows.agents import AgentSession, AgentSpec, ToolSpec
from camel_ext.workflows.agents.backend import CharCounter, EngineBackend
from camel_ext.workflows.agents.chat import Chat, LeanAgent
from tests.fakes.calls import ScriptedCalls, answer

TOOL = ToolSpec("look", "Look.", {"type": "object", "properties": {"at": {"type": "integer"}}})


def camel_agent() -> Any:
    from camel.agents import ChatAgent

    return ChatAgent


def test_the_version_is_the_one_these_were_read_in() -> None:
    assert version("camel-ai") == "0.2.90", (
        "Run these tests, read the changes of agents/chat_agent.py and models/base_model.py, "
        "then move this pin together with pyproject.toml."
    )


def test_lean_agent_overrides_what_camel_has_and_nothing_else_private() -> None:
    """Else a step walks `inspect.stack()` again, or formats its whole history for a log line."""
    own = {name for name in vars(LeanAgent) if name.startswith("_") and not name.startswith("__")}
    own -= {"_abc_impl"}
    assert own == {"_is_called_from_registered_toolkit", "_sanitize_messages_for_logging"}
    assert own <= set(dir(camel_agent()))


def test_both_overridden_methods_are_still_called_in_a_step() -> None:
    """Else the overrides cure nothing: look for what replaced them."""
    code = inspect.getsource(camel_agent()._astep_non_streaming_task)
    assert "self._is_called_from_registered_toolkit()" in code
    assert "self._sanitize_messages_for_logging(" in inspect.getsource(
        camel_agent()._aget_model_response
    )


def test_no_other_module_uses_a_private_name_of_camels_agent() -> None:
    """Else this file no longer says what breaks."""
    agent = camel_agent()("s", model=EngineBackend(CharCounter(), 4096))
    private = {name for name in dir(agent) if name.startswith("_") and not name.startswith("__")}
    for path in Path(room.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text())
        used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert not used & private, path.name


async def test_a_base_exception_passes_camels_tool_handling() -> None:
    """Else a pause or a fence becomes a tool's result, and the agent goes on."""
    code = textwrap.dedent(inspect.getsource(camel_agent()._aexecute_tool))
    caught = [
        node.type.id
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.ExceptHandler) and isinstance(node.type, ast.Name)
    ]
    assert caught == ["Exception"]


async def test_tool_calls_of_one_answer_run_in_its_order_one_after_the_other() -> None:
    """Else tool indices are not the same in a replay."""
    running = []

    class Slow(ScriptedCalls):
        async def tool(self, index: int, name: str, arguments: Any, tool_call_id: Any) -> str:
            running.append(("start", arguments["at"]))
            result = await super().tool(index, name, arguments, tool_call_id)
            running.append(("end", arguments["at"]))
            return result

    calls = Slow(answer(None, ("look", '{"at": 1}'), ("look", '{"at": 2}')), answer("done"))
    await AgentSession(AgentSpec("a", "s", 4096), [TOOL]).step("go", calls)
    assert running == [("start", 1), ("end", 1), ("start", 2), ("end", 2)]


async def test_a_step_asks_the_memory_for_its_context_and_nothing_more() -> None:
    """Else a step copies its whole history: P2 in bench/turn.py fails."""
    chat = Chat(AgentSpec("a", "s", 4096), [TOOL])
    asked = []
    for name in ("retrieve", "clear", "clean_tool_calls", "pop_records"):
        setattr(chat.memory, name, lambda *_, name=name: asked.append(name))
    calls = ScriptedCalls(answer(None, ("look", "{}")), answer("done"))
    await chat.step("go", calls, None, None)
    assert asked == []


async def test_a_step_does_as_much_at_turn_200_as_at_turn_2() -> None:
    """Else something in camel walks the history: find it with bench/turn.py."""
    session = AgentSession(AgentSpec("a", "s", 1_000_000), [TOOL])
    done: list[int] = []

    def count(_frame: object, event: str, _argument: object) -> None:
        done[-1] += event in ("call", "c_call")

    for number in range(200):
        calls = ScriptedCalls(answer(None, ("look", f'{{"at": {number}}}')), answer("done"))
        done.append(0)
        sys.setprofile(count)
        try:
            await session.step("go", calls)
        finally:
            sys.setprofile(None)
    assert max(done[-10:]) <= 1.05 * min(done[1:10])


async def test_the_agent_makes_no_model_call_of_its_own() -> None:
    """Else hidden summaries or format repairs shift call indices and rewrite memory."""
    session = AgentSession(AgentSpec("a", "s", 20))  # far too small a window
    calls = ScriptedCalls(think=lambda _: answer('{"x": 1}'))
    for number in range(5):
        given = await session.step("long " * 50, calls, schema={"type": "object"})
        assert given.model_calls == 1
        assert len(given.history) == 2 * (number + 1)


def test_the_message_lists_camel_hands_over_are_not_kept() -> None:
    """Else rewinding the live list (memory.get_context) changes what camel believes."""
    code = inspect.getsource(camel_agent()._astep_non_streaming_task)
    assert "self.openai_messages" not in code


def test_the_sync_step_is_refused_with_a_reason() -> None:
    chat = Chat(AgentSpec("a", "s", 4096), [])
    with pytest.raises(RuntimeError, match=r"Use astep\(\) instead of step\(\)"):
        chat._agent.step("go")
