import asyncio
import json
import sys
import threading
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

import pytest
from inline_snapshot import snapshot
from pydantic import BaseModel

from camel_ext.core.errors import NotFound
from camel_ext.workflows.tools import Tool, ToolContext, collect, effect_key, load, tool
from camel_ext.workflows.tools.errors import ToolBroken, ToolModuleMissing, ToolNameTaken

MakeContext = Callable[..., ToolContext]


class Unit(StrEnum):
    KELVIN = "kelvin"
    CELSIUS = "celsius"


class Place(BaseModel):
    title: str
    latitude: float = 0.0


@tool(idempotent=True)
def weather(
    place: Place, days: int = 3, unit: Unit = Unit.CELSIUS, detail: Literal["low", "high"] = "low"
) -> dict[str, Any]:
    """Say how the weather will be.

    It is a guess beyond a week.

    Args:
        place: Where, with a title
            that people know.
        days (int): How many days: at least 1.

    Returns:
        One word a day.
    """
    return {"where": place.title, "days": days, "unit": unit, "detail": detail}


def test_a_function_becomes_what_a_model_is_told() -> None:
    assert weather.wire() == snapshot(
        {
            "type": "function",
            "function": {
                "name": "weather",
                "description": """\
Say how the weather will be.

It is a guess beyond a week.\
""",
                "parameters": {
                    "$defs": {
                        "Place": {
                            "properties": {
                                "title": {"type": "string"},
                                "latitude": {"default": 0.0, "type": "number"},
                            },
                            "required": ["title"],
                            "type": "object",
                        },
                        "Unit": {"enum": ["kelvin", "celsius"], "type": "string"},
                    },
                    "additionalProperties": False,
                    "properties": {
                        "place": {
                            "$ref": "#/$defs/Place",
                            "description": "Where, with a title that people know.",
                        },
                        "days": {
                            "default": 3,
                            "description": "How many days: at least 1.",
                            "type": "integer",
                        },
                        "unit": {"$ref": "#/$defs/Unit", "default": "celsius"},
                        "detail": {"default": "low", "enum": ["low", "high"], "type": "string"},
                    },
                    "required": ["place"],
                    "type": "object",
                },
            },
        }
    )


async def test_arguments_arrive_typed_and_results_leave_as_text(make_context: MakeContext) -> None:
    said = await weather.run('{"place": {"title": "Oslo"}, "unit": "kelvin"}', make_context())
    assert json.loads(said) == {"where": "Oslo", "days": 3, "unit": "kelvin", "detail": "low"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({}, "'place' is a required property"),
        ({"place": {"title": "x"}, "days": "two"}, "days: 'two' is not of type 'integer'"),
        ({"place": {"title": "x"}, "wind": 1}, "'wind' was unexpected"),
        ("{not json", "not JSON"),
        ("[1]", "one JSON object, not list"),
        ("[" * 100_000, "not JSON"),
    ],
)
async def test_wrong_arguments_are_told_to_the_model(
    arguments: Any, told: str, make_context: MakeContext
) -> None:
    said = await weather.run(arguments, make_context())
    assert said.startswith("Error: weather was not called. ")
    assert told in said
    assert len(said) < 4_000


async def test_a_tool_without_arguments_takes_none(make_context: MakeContext) -> None:
    @tool(idempotent=True)
    def now() -> str:
        """Say when."""
        return "now"

    assert now.parameters == {"additionalProperties": False, "properties": {}, "type": "object"}
    assert await now.run("", make_context()) == "now"


async def test_a_sync_tool_runs_on_a_thread_and_an_async_one_on_the_loop(
    make_context: MakeContext,
) -> None:
    @tool(idempotent=True)
    def there() -> bool:
        """Say where."""
        return threading.current_thread() is threading.main_thread()

    @tool(idempotent=True)
    async def here() -> bool:
        """Say where."""
        return threading.current_thread() is threading.main_thread()

    assert await there.run({}, make_context()) == "false"
    assert await here.run({}, make_context()) == "true"


async def test_the_context_is_handed_in_and_not_shown(make_context: MakeContext) -> None:
    @tool(idempotent=False)
    async def pay(amount: int, context: ToolContext) -> str:
        """Pay."""
        return f"{amount} {context.effect_key}"

    assert list(pay.parameters["properties"]) == ["amount"]
    assert pay.uses_scratch
    assert await pay.run({"amount": 2}, make_context(effect_key="k1")) == "2 k1"


async def test_what_a_tool_raises_is_told_but_the_platforms_errors_reach_the_run(
    make_context: MakeContext,
) -> None:
    @tool(idempotent=True)
    async def fail(own: bool) -> str:
        """Fail."""
        raise NotFound("no such run") if own else ZeroDivisionError("by zero")

    assert await fail.run({"own": False}, make_context()) == "Error: ZeroDivisionError: by zero"
    with pytest.raises(NotFound):
        await fail.run({"own": True}, make_context())


async def test_a_slow_tool_is_given_up(make_context: MakeContext) -> None:
    ended = asyncio.Event()

    @tool(idempotent=True, timeout_s=0.05)
    async def slow() -> None:
        """Sleep."""
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    assert "no answer within 0.05 s" in await slow.run({}, make_context())
    assert ended.is_set()


async def test_the_context_can_shorten_but_not_lengthen(make_context: MakeContext) -> None:
    @tool(idempotent=True, timeout_s=60)
    def slow() -> None:
        """Sleep."""
        time.sleep(0.2)

    assert "within 0.02 s" in await slow.run({}, make_context(timeout_s=0.02))


async def test_cancelling_a_call_cancels_the_tool(make_context: MakeContext) -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    @tool(idempotent=True)
    async def slow() -> None:
        """Sleep."""
        started.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    call = asyncio.create_task(slow.run({}, make_context()))
    await started.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert ended.is_set()


async def test_a_long_result_keeps_head_and_tail(make_context: MakeContext) -> None:
    @tool(idempotent=True)
    async def long() -> str:
        """Talk."""
        return "a" * 50_000 + "z" * 50_000 + "\x1b[31m\x00"

    said = await long.run({}, make_context())
    assert "[... 84006 bytes cut out here ...]" in said
    assert said.startswith("aaa")
    assert said.endswith("z\ufffd[31m\ufffd")
    assert len(said) < 16_100


def test_what_says_too_little_about_itself_is_refused() -> None:
    def silent(a: int) -> None: ...

    def untyped(a) -> None:  # type: ignore[no-untyped-def]
        """Say."""

    def many(*a: int) -> None:
        """Say."""

    cases: list[tuple[Callable[..., Any], str]]
    cases = [(silent, "docstring"), (untyped, "type"), (many, "name")]
    for function, told in cases:
        with pytest.raises(ToolBroken, match=told):
            tool(idempotent=True)(function)
    with pytest.raises(ToolBroken, match="64 letters"):
        tool(idempotent=True, name="no spaces")(weather_like)


def weather_like() -> None:
    """Say."""


def test_load_collects_a_modules_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "from camel_ext.workflows.tools import tool\n@tool(idempotent=True)\ndef {0}() -> str:\n"
    for module, name in [("tools_one", "alpha"), ("tools_two", "beta"), ("tools_three", "beta")]:
        (tmp_path / f"{module}.py").write_text(
            text.format(name) + "    '''Say.'''\n    return ''\n"
        )
    (tmp_path / "tools_broken.py").write_text("def (\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert sorted(load(["tools_one", "tools_two"])) == ["alpha", "beta"]
    with pytest.raises(ToolNameTaken, match="'beta'"):
        load(["tools_two", "tools_three"])
    with pytest.raises(ToolNameTaken):
        collect(load(["tools_two"]).values(), load(["tools_three"]).values())
    assert list(collect(load(["tools_one"]).values(), load(["tools_one"]).values())) == ["alpha"]
    for missing in ("tools_nowhere", "tools_broken"):
        with pytest.raises(ToolModuleMissing, match=missing):
            load([missing])


def test_an_effect_key_names_the_call_and_nothing_else() -> None:
    key = effect_key("run", "rounds[2]/execute/tool[0]")
    assert key == effect_key("run", "rounds[2]/execute/tool[0]")
    assert len({key, effect_key("run", "x"), effect_key("other", "rounds[2]/execute/tool[0]")}) == 3
    assert key.isascii()
    assert len(key) == 42


def test_importing_the_tools_does_not_load_jsonschema() -> None:
    import subprocess

    code = "import sys, camel_ext.workflows.tools as t; sys.exit('jsonschema' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert Tool.__module__ == "camel_ext.workflows.tools.registry"
