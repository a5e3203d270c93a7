"""A step that is run again after a kill repeats no finished call and remembers the same."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camel_ext.core.hashing import content_hash
from camel_ext.workflows.agents import (
    AgentSession,
    AgentSpec,
    ModelAnswer,
    ModelCall,
    ToolSpec,
    step,
)
from tests.fakes.calls import JournalledCalls, Killed, ScriptedCalls, answer

SPEC = AgentSpec("agent-1", "You count.", 4096)
LOOK = ToolSpec("look", "Look.", {"type": "object", "properties": {"at": {"type": "integer"}}})
HISTORY = [{"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Hello."}]


def counting(rounds: list[int]) -> ScriptedCalls:
    """Return a model that calls `rounds[i]` tools in its answer i, then answers.

    Each answer holds the hash of its prompt, so that equal histories mean equal prompts.
    """

    def think(request: ModelCall) -> ModelAnswer:
        roles = [message["role"] for message in request.messages]
        done = roles[::-1][: roles[::-1].index("user")].count("assistant")
        seen = content_hash(request.messages)
        if done < len(rounds):
            tools = [("look", json.dumps({"at": number})) for number in range(rounds[done])]
            return answer(f"<think>{done}</think>{seen}", *tools)
        return answer(seen)

    return ScriptedCalls(think=think, tool=lambda name, arguments: f"saw {arguments['at']}")


async def undisturbed(rounds: list[int]) -> tuple[Any, list[str]]:
    calls = JournalledCalls(counting(rounds), {})
    return await step(SPEC, HISTORY, "Count.", calls, [LOOK]), calls.executed


async def disturbed(rounds: list[int], kills: list[tuple[int, bool]]) -> tuple[Any, list[str]]:
    """Run the step with a process per kill, then one to the end; the journal alone survives."""
    journal: dict[str, Any] = {}
    executed: list[str] = []
    for kill_at, after in kills:
        calls = JournalledCalls(counting(rounds), journal, kill_at=kill_at, after=after)
        session = AgentSession(SPEC, [LOOK], HISTORY)
        with pytest.raises(Killed):
            await session.step("Count.", calls)
        assert session.dump() == HISTORY
        executed += calls.executed
        journal = json.loads(json.dumps(journal))
    calls = JournalledCalls(counting(rounds), journal)
    return await step(SPEC, HISTORY, "Count.", calls, [LOOK]), executed + calls.executed


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("kill_at", range(6))
async def test_a_kill_at_any_call_repeats_nothing(kill_at: int, after: bool) -> None:
    rounds = [2, 1]  # 3 tool calls, 3 model calls
    expected, calls = await undisturbed(rounds)
    assert len(calls) == 6
    assert await disturbed(rounds, [(kill_at, after)]) == (expected, calls)


@settings(max_examples=40, deadline=None)
@given(
    rounds=st.lists(st.integers(1, 4), max_size=5),
    kills=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.booleans()), max_size=4),
)
async def test_any_kills_of_any_step_repeat_nothing(
    rounds: list[int], kills: list[tuple[float, bool]]
) -> None:
    expected, calls = await undisturbed(rounds)
    points = [(int(where * len(calls)), after) for where, after in kills]
    assert await disturbed(rounds, points) == (expected, calls)


async def test_a_dumped_memory_goes_on_as_the_living_one() -> None:
    living = AgentSession(SPEC, [LOOK])
    first = await living.step("Count.", counting([2, 1]))
    state = json.loads(json.dumps(living.dump()))
    assert state == first.history
    loaded = AgentSession(SPEC, [LOOK], state)
    again = AgentSession(SPEC, [LOOK])
    await again.step("Something else.", counting([]))
    again.load(state)
    answers = [await session.step("More.", counting([1])) for session in (living, loaded, again)]
    assert answers[0] == answers[1] == answers[2]
    assert answers[0].history[: len(state)] == state
    assert len(answers[0].appended) == 4
