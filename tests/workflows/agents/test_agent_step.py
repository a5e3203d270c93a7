"""One step of one agent: what the model sees, what the caller gets, how it fails."""

import asyncio
import json
from contextvars import ContextVar
from typing import Any

import pytest

from camel_ext.core.errors import Invalid
from camel_ext.workflows.agents import (
    AgentBusy,
    AgentSession,
    AgentSpec,
    AgentTimedOut,
    AnswerNotInSchema,
    EmptyAnswer,
    ModelAnswer,
    ModelCall,
    ToolRefused,
    ToolSpec,
    TooManyToolRounds,
    step,
)
from tests.fakes.calls import ScriptedCalls, answer

SPEC = AgentSpec("agent-1", "You are terse.", 4096, {"temperature": 0.0}, max_tool_rounds=3)
ADD = ToolSpec(
    "add",
    "Add two numbers.",
    {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
    },
)
SELF = ToolSpec("say", "", {"type": "object", "properties": {"self": {"type": "string"}}})
VERDICT = {
    "type": "object",
    "properties": {"good": {"type": "boolean"}},
    "required": ["good"],
}


async def test_the_model_sees_exactly_system_history_and_text() -> None:
    calls = ScriptedCalls(answer("Paris."))
    history = [{"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Hello."}]
    given = await step(SPEC, history, "Capital of France?", calls)
    index, request = calls.requests[0]
    assert index == 0
    assert request == ModelCall(
        messages=[
            {"role": "system", "content": "You are terse."},
            *history,
            {"role": "user", "content": "Capital of France?"},
        ],
        tools=None,
        response_format=None,
        params={"temperature": 0.0},
    )
    assert given.text == "Paris."
    assert given.parsed is None
    assert given.terminated_reason == "stop"
    assert (given.model_calls, given.tool_calls) == (1, 0)
    assert given.usage == {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}
    assert given.appended == [
        {"role": "user", "content": "Capital of France?"},
        {"role": "assistant", "content": "Paris."},
    ]
    assert given.history == history + given.appended


async def test_no_system_message_is_sent_where_there_is_none() -> None:
    calls = ScriptedCalls(answer("yes"), answer("yes"))
    session = AgentSession(AgentSpec("a", "", 4096))
    await session.step("one?", calls)
    assert [m["role"] for m in calls.requests[0][1].messages] == ["user"]
    assert (await session.step("two?", calls)).history[0]["content"] == "one?"


async def test_a_request_does_not_change_after_it_was_handed_over() -> None:
    calls = ScriptedCalls(answer(None, ("add", '{"a": 1, "b": 2}')), answer("3"))
    await step(SPEC, [], "1 + 2?", calls, [ADD])
    assert [len(request.messages) for _, request in calls.requests] == [2, 4]
    assert [request.shared for _, request in calls.requests] == [0, 2]
    first, second = (request.messages for _, request in calls.requests)
    assert all(a is b for a, b in zip(first, second, strict=False)), "history was copied"


async def test_parallel_tool_calls_get_rising_indices_in_the_answers_order() -> None:
    calls = ScriptedCalls(
        answer("Two things.", ("add", '{"a": 1, "b": 2}'), ("add", '{"a": 3, "b": 4}')),
        answer(None, ("add", '{"a": 5, "b": 6}')),
        answer("done"),
        tool=lambda _, arguments: str(arguments["a"] + arguments["b"]),
    )
    given = await step(SPEC, [], "go", calls, [ADD])
    assert [(call[0], call[3]) for call in calls.tool_calls] == [
        (0, "id-add-0"),
        (1, "id-add-1"),
        (2, "id-add-0"),
    ]
    assert [m["content"] for m in given.history if m["role"] == "tool"] == ["3", "7", "11"]
    assert given.history[1]["content"] == "Two things."
    assert (given.model_calls, given.tool_calls) == (3, 3)
    assert given.usage["total_tokens"] == 24


async def test_tools_keep_context_variables_and_odd_argument_names() -> None:
    trace: ContextVar[str] = ContextVar("trace")
    seen = []

    def tool(name: str, arguments: dict[str, Any]) -> str:
        seen.append((trace.get(), arguments))
        return "ok"

    trace.set("t-1")
    calls = ScriptedCalls(answer(None, ("say", '{"self": "x"}')), answer("done"), tool=tool)
    await step(SPEC, [], "go", calls, [SELF])
    assert seen == [("t-1", {"self": "x"})]


async def test_a_refusal_is_told_to_the_model() -> None:
    def refuse(name: str, arguments: dict[str, Any]) -> str:
        raise ToolRefused("No sandbox here.")

    calls = ScriptedCalls(answer(None, ("add", '{"a":1,"b":2}')), answer("sorry"), tool=refuse)
    given = await step(SPEC, [], "go", calls, [ADD])
    assert given.history[2]["content"] == "No sandbox here."


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ('{"a": 1,', "not a JSON object"),
        ("[1]", "not a JSON object"),
        ('{"a": "one", "b": 2}', "at $.a: 'one' is not of type 'integer'"),
        ("", "'a' is a required property"),
    ],
)
async def test_bad_arguments_are_answered_without_running_the_tool(
    arguments: str, told: str
) -> None:
    calls = ScriptedCalls(
        answer(None, ("add", arguments), ("add", '{"a":1,"b":2}')), answer("done")
    )
    given = await step(SPEC, [], "go", calls, [ADD])
    assert told in given.history[2]["content"]
    assert [(call[0], call[3]) for call in calls.tool_calls] == [(0, "id-add-1")]
    assert all(
        isinstance(json.loads(call["function"]["arguments"]), dict)
        for call in given.history[1]["tool_calls"]
    )


async def test_an_unknown_tool_is_answered_and_does_not_shift_the_known() -> None:
    calls = ScriptedCalls(answer(None, ("nope", "{}"), ("add", '{"a":1,"b":2}')), answer("done"))
    given = await step(SPEC, [], "go", calls, [ADD])
    assert "not found" in given.history[2]["content"]
    assert [(call[0], call[3]) for call in calls.tool_calls] == [(0, "id-add-1")]


async def test_a_tool_call_without_an_id_gets_a_steady_one() -> None:
    asked = answer(None, ("add", '{"a":1,"b":2}'))
    asked["message"]["tool_calls"][0]["id"] = None
    calls = ScriptedCalls(asked, answer("done"))
    given = await step(SPEC, [], "go", calls, [ADD])
    assert calls.tool_calls[0][3] == given.history[2]["tool_call_id"] == "call_0_0"
    assert asked["message"]["tool_calls"][0]["id"] is None, "the journal's answer was changed"


async def test_an_agent_that_only_calls_tools_is_stopped_before_the_tools_run() -> None:
    calls = ScriptedCalls(think=lambda _: answer(None, ("add", '{"a":1,"b":2}')))
    session = AgentSession(SPEC, [ADD])
    with pytest.raises(TooManyToolRounds, match="called tools 3 times without answering"):
        await session.step("go", calls)
    assert (len(calls.requests), len(calls.tool_calls)) == (4, 3)
    assert session.dump() == []


@pytest.mark.parametrize(
    ("content", "text", "reasoning"),
    [
        ("<think>hm</think>Paris.", "Paris.", "hm"),
        ("hm</think>\n\nParis.", "Paris.", "hm"),
        ("<think>a</think>Pa<think>b</think>ris.", "Paris.", "a\nb"),
        ("<think></think>Paris.", "Paris.", None),
        ("I think>so", "I think>so", None),
    ],
)
async def test_thinking_is_kept_apart(content: str, text: str, reasoning: str | None) -> None:
    given = await step(SPEC, [], "go", ScriptedCalls(answer(content)))
    assert (given.text, given.reasoning) == (text, reasoning)
    assert given.appended[-1] == {"role": "assistant", "content": text}


async def test_reasoning_that_the_engine_separated_is_kept() -> None:
    given = await step(SPEC, [], "go", ScriptedCalls(answer("Paris.", reasoning_content="hm")))
    assert given.reasoning == "hm"


@pytest.mark.parametrize("content", [None, "", "  ", "<think>long", "<think>all</think>"])
async def test_an_empty_answer_is_an_error(content: str | None) -> None:
    session = AgentSession(SPEC)
    with pytest.raises(EmptyAnswer, match="finish reason length"):
        await session.step("go", ScriptedCalls(answer(content, reason="length")))
    assert session.dump() == []


@pytest.mark.parametrize("reason", ["eos_token", ""])
async def test_a_finish_reason_unknown_to_openai_is_passed_on(reason: str) -> None:
    given = await step(SPEC, [], "go", ScriptedCalls(answer("x", reason=reason or "stop")))
    assert given.terminated_reason == (reason or "stop")


@pytest.mark.parametrize("text", ['{"good": true}', '```json\n{"good": true}\n```'])
async def test_structured_output_is_asked_for_and_parsed(text: str) -> None:
    calls = ScriptedCalls(answer(text))
    given = await step(SPEC, [], "judge", calls, schema=VERDICT)
    assert given.parsed == {"good": True}
    assert calls.requests[0][1].response_format == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": VERDICT},
    }
    assert len(calls.requests) == 1


@pytest.mark.parametrize(
    ("text", "reason", "told"),
    [
        ("It is good.", "stop", "is not JSON"),
        ('{"good": tr', "length", "It was cut: raise max_tokens"),
        ('{"good": "yes"}', "stop", r"at \$.good: 'yes' is not of type 'boolean'"),
    ],
)
async def test_a_bad_structured_answer_is_said_to_be_bad(text: str, reason: str, told: str) -> None:
    session = AgentSession(SPEC)
    with pytest.raises(AnswerNotInSchema, match=told) as caught:
        await session.step("judge", ScriptedCalls(answer(text, reason=reason)), schema=VERDICT)
    assert caught.value.fields["text"] == text
    assert session.dump() == []


class Pause(BaseException):
    """As an executor may define it."""


class Fenced(Exception):
    """As an executor may define it."""


CONTROL = [Pause("p"), Fenced("f"), TimeoutError("theirs"), KeyError("k"), SystemExit(3)]


@pytest.mark.parametrize("reason", CONTROL, ids=lambda reason: type(reason).__name__)
async def test_what_a_model_call_raises_leaves_untouched(reason: BaseException) -> None:
    session = AgentSession(SPEC)
    await session.step("first", ScriptedCalls(answer("ok")))
    before = session.dump()
    with pytest.raises(type(reason)) as caught:
        await session.step("second", ScriptedCalls(reason), timeout_s=5)
    assert caught.value is reason
    assert session.dump() == before


@pytest.mark.parametrize("reason", CONTROL, ids=lambda reason: type(reason).__name__)
async def test_what_a_tool_call_raises_leaves_untouched_and_at_once(reason: BaseException) -> None:
    def tool(name: str, arguments: dict[str, Any]) -> str:
        raise reason

    calls = ScriptedCalls(
        answer(None, ("add", '{"a":1,"b":2}'), ("add", '{"a":1,"b":2}')), answer("x"), tool=tool
    )
    session = AgentSession(SPEC, [ADD])
    with pytest.raises(type(reason)) as caught:
        await session.step("go", calls)
    assert caught.value is reason
    assert (len(calls.requests), len(calls.tool_calls)) == (1, 1)
    assert session.dump() == []


class Hanging(ScriptedCalls):
    async def model(self, index: int, request: ModelCall) -> ModelAnswer:
        await asyncio.sleep(60)
        raise AssertionError


async def test_a_step_is_cut_in_time_and_forgotten() -> None:
    session = AgentSession(SPEC)
    with pytest.raises(AgentTimedOut, match=r"did not answer within 0\.02 s"):
        await session.step("go", Hanging(), timeout_s=0.02)
    assert session.dump() == []
    assert (await session.step("go", ScriptedCalls(answer("ok")))).text == "ok"


async def test_a_cancelled_step_is_forgotten() -> None:
    session = AgentSession(SPEC)
    task = asyncio.create_task(session.step("go", Hanging()))
    await asyncio.sleep(0.01)
    with pytest.raises(AgentBusy):
        await session.step("me too", ScriptedCalls(answer("no")))
    with pytest.raises(AgentBusy):
        session.dump()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert session.dump() == []
    assert (await session.step("go", ScriptedCalls(answer("ok")))).text == "ok"


async def test_a_long_tool_result_is_cut_to_the_models_window() -> None:
    calls = ScriptedCalls(
        answer(None, ("add", '{"a":1,"b":2}')), answer("ok"), tool=lambda *_: "x" * 100_000
    )
    given = await step(SPEC, [], "go", calls, [ADD])
    assert "[TRUNCATED]" in given.history[2]["content"]
    assert len(given.history[2]["content"]) < 4096 * 4


async def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(Invalid, match="two tools named add"):
        AgentSession(SPEC, [ADD, ADD])


@pytest.mark.parametrize(
    ("parameters", "told"),
    [({"type": "objekt"}, "no JSON Schema"), ({"type": "array"}, "not of type object")],
)
async def test_a_broken_tool_schema_is_refused(parameters: dict[str, Any], told: str) -> None:
    with pytest.raises(Invalid, match=told):
        await step(SPEC, [], "go", ScriptedCalls(answer("x")), [ToolSpec("t", "", parameters)])


async def test_a_hundred_agents_at_once_do_not_mix() -> None:
    async def talk(number: int) -> bool:
        calls = ScriptedCalls(
            think=lambda request: answer(f"{number} heard {request.messages[-1]['content']}")
        )
        session = AgentSession(AgentSpec(f"agent-{number}", f"You are {number}.", 4096))
        for turn in range(3):
            given = await session.step(f"{number}/{turn}", calls)
            assert given.text == f"{number} heard {number}/{turn}"
        return all(
            request.messages[0]["content"] == f"You are {number}." for _, request in calls.requests
        )

    assert all(await asyncio.gather(*(talk(number) for number in range(100))))
