"""Tools: what a model may call, from a typed Python function to a checked, bounded call.

An operator's modules are named in the settings and loaded by `load`; a YAML file can only name
tools that are already here. What a model did wrong comes back to it as text that begins with
"Error:". Not here: journaling a call, asking a person, or the sandbox of `python` and `shell`.
"""

import asyncio
import importlib
import inspect
import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ValidationError

from camel_ext.core.clock import Clock
from camel_ext.core.errors import CamelExtError
from camel_ext.core.hashing import canonical_json, sha256_hex
from camel_ext.core.threads import Threads
from camel_ext.workflows.tools.errors import ToolBroken, ToolModuleMissing, ToolNameTaken
from camel_ext.workflows.tools.output import clip
from camel_ext.workflows.tools.schema import arguments_model, describe, json_schema

NAME = re.compile(r"^[a-zA-Z0-9_-]{1,64}$")  # what providers accept as the name of a function
DEFAULT_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What a call may know of its surroundings.

    `effect_key` is the same each time this very call is made again, also after a crash: hand it to
    the service that has the effect. `scratch` is the call's own folder, there for tools whose
    `uses_scratch` is true. `timeout_s` bounds the call whatever the tool itself allows.
    """

    effect_key: str
    scratch: Path
    timeout_s: float
    clock: Clock
    threads: Threads


def effect_key(run_id: UUID | str, step_key: str) -> str:
    """Return the idempotency key of one call: safe in a header, equal for equal run and step."""
    return "camel-ext-" + sha256_hex(canonical_json([str(run_id), step_key]))[:32]


Call = Callable[[dict[str, Any], ToolContext], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Tool:
    """One thing that a model may call.

    `idempotent` says that calling it again with the same effect key does no harm; without it, a
    call that was in flight when the platform died is a question to a person, never repeated.
    """

    name: str
    description: str
    parameters: dict[str, Any]
    idempotent: bool
    call: Call
    uses_scratch: bool = False
    timeout_s: float = DEFAULT_TIMEOUT_S
    _schema_text: str = field(init=False, repr=False, compare=False)
    _plain: "_Plain | None" = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_schema_text", canonical_json(self.parameters).decode())
        object.__setattr__(self, "_plain", _Plain.of(self.parameters))
        if not NAME.match(self.name):
            raise ToolBroken(
                f"{self.name!r} cannot be a tool's name: providers accept 1 to 64 letters, digits, "
                "underscores and dashes. Rename it."
            )
        if not self.description.strip():
            raise ToolBroken(
                f"The tool {self.name} does not say what it does, so no model can choose it. "
                "Write a docstring."
            )

    def wire(self) -> dict[str, Any]:
        """Return the tool as the `tools` of a chat request want it."""
        told = {
            "name": self.name,
            "description": self.description,
            "parameters": self.parameters,
        }
        return {"type": "function", "function": told}

    async def run(self, arguments: Mapping[str, Any] | str, context: ToolContext) -> str:
        """Call the tool with a model's arguments (JSON text or a mapping) and return its text.

        Raises: errors of the platform (`CamelExtError`), which belong to the run; whatever else
        goes wrong is text for the model.
        """
        given = parse_arguments(arguments)
        problem = given if isinstance(given, str) else self.problem(given)
        if isinstance(given, str) or problem:
            return f"Error: {self.name} was not called. {problem}"
        return await self.call(given, context)

    def problem(self, given: dict[str, Any]) -> str | None:
        """Return what is wrong with the arguments, in words for the model, or None."""
        if self._plain is not None and self._plain.surely_fits(given):
            return None
        errors = sorted(
            _validator(self.schema_text()).iter_errors(given), key=lambda e: list(e.path)
        )
        if not errors:
            return None
        lines = [
            f"{_place(error.absolute_path)}: {clip(error.message, 400)}" for error in errors[:5]
        ]
        return f"Its arguments are wrong: {'; '.join(lines)}. The schema is {self.schema_text()}"

    def schema_text(self) -> str:
        """Return the parameters' schema as compact JSON."""
        return self._schema_text


@dataclass(frozen=True, slots=True)
class _Plain:
    """A schema of named values of one type each: most calls fit, which is told without a validator.

    It never refuses: what does not surely fit is the validator's to judge.
    """

    kinds: dict[str, tuple[type, ...]]
    required: frozenset[str]

    @classmethod
    def of(cls, schema: dict[str, Any]) -> "_Plain | None":
        """Return the plain form of a schema, or None where it asks for more than types."""
        properties: dict[str, Any] = schema.get("properties", {})
        kinds = {name: _kind(each) for name, each in properties.items()}
        known = schema.keys() <= _SAYS_NOTHING | _OBJECT and schema.get("type") == "object"
        if not known or () in kinds.values():
            return None
        return cls(kinds, frozenset(schema.get("required", ())))

    def surely_fits(self, given: dict[str, Any]) -> bool:
        """Tell whether every value is known and of its type, and none is missing."""
        return self.required <= given.keys() and all(
            type(value) in self.kinds.get(name, ()) for name, value in given.items()
        )


_SAYS_NOTHING = frozenset({"title", "description", "default", "examples"})
_OBJECT = frozenset({"type", "properties", "required", "additionalProperties"})
_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,),
    "null": (type(None),),
}  # fmt: skip


def _kind(schema: Any) -> tuple[type, ...]:
    """Return the types of a schema that asks for nothing but a type, else none."""
    if not isinstance(schema, dict) or not schema.keys() <= _SAYS_NOTHING | {"type"}:
        return ()
    return _KINDS.get(str(schema.get("type")), ())


def parse_arguments(arguments: Mapping[str, Any] | str) -> dict[str, Any] | str:
    """Return the arguments as a dictionary, or a sentence about why they are none."""
    if not isinstance(arguments, str):
        return dict(arguments)
    if not arguments.strip():
        return {}
    try:
        given = json.loads(arguments)
    except (ValueError, RecursionError) as error:
        return f"Its arguments are not JSON ({error}). Send one JSON object."
    if not isinstance(given, dict):
        return f"Its arguments must be one JSON object, not {type(given).__name__}."
    return given


@cache
def _validator(schema_text: str) -> Any:
    from jsonschema import Draft202012Validator  # 0.1 s to import: paid by the first call

    return Draft202012Validator(json.loads(schema_text))


def _place(path: Iterable[object]) -> str:
    return ".".join(str(part) for part in path) or "arguments"


def tool(
    *, idempotent: bool, timeout_s: float = DEFAULT_TIMEOUT_S, name: str | None = None
) -> Callable[[Callable[..., Any]], Tool]:
    """Make a typed function (sync or async) with a Google-style docstring into a Tool.

    A parameter annotated `ToolContext` is filled in by the platform and not shown to the model.
    Raises: ToolBroken when the function says too little about itself.
    """

    def make(function: Callable[..., Any]) -> Tool:
        description, said = describe(function)
        injected = _context_parameter(function)
        model = arguments_model(function, said, injected)
        return Tool(
            name=name or function.__name__,
            description=description,
            parameters=json_schema(model),
            idempotent=idempotent,
            call=_caller(function, model, injected, timeout_s),
            uses_scratch=injected is not None,
            timeout_s=timeout_s,
        )

    return make


def _context_parameter(function: Callable[..., Any]) -> str | None:
    parameters = inspect.signature(function, eval_str=True).parameters.values()
    return next((p.name for p in parameters if p.annotation is ToolContext), None)


def _caller(
    function: Callable[..., Any], model: type[BaseModel], injected: str | None, timeout_s: float
) -> Call:
    async def call(given: dict[str, Any], context: ToolContext) -> str:
        try:
            typed = model.model_validate(given)
        except ValidationError as error:
            return f"Error: {function.__name__} was not called. Its arguments are wrong: {error}"
        values = {field: getattr(typed, field) for field in model.model_fields}
        if injected is not None:
            values[injected] = context
        bound_s = min(timeout_s, context.timeout_s)
        return await _bounded(_start(function, values, context.threads), bound_s, context.clock)

    return call


async def _start(function: Callable[..., Any], values: dict[str, Any], threads: Threads) -> Any:
    if inspect.iscoroutinefunction(function):
        return await function(**values)
    return await threads.run("work", lambda: function(**values))


async def _bounded(work: Awaitable[Any], bound_s: float, clock: Clock) -> str:
    """Wait for the tool; its exception is data here, because the code is not ours."""
    running, alarm = asyncio.ensure_future(work), None
    running.add_done_callback(lambda done: done.cancelled() or done.exception())  # seen, not logged
    try:
        await asyncio.sleep(0)
        if not running.done():  # one that is done at once needs no alarm
            alarm = asyncio.ensure_future(clock.sleep(bound_s))
            await asyncio.wait({running, alarm}, return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            return f"Error: no answer within {bound_s:g} s. Whether it had its effect is unknown."
        return _outcome(running)
    finally:
        if alarm is not None:
            alarm.cancel()
        if running.cancel():
            await asyncio.wait({running}, timeout=1)  # let it clean up, but not for ever


def _outcome(running: asyncio.Future[Any]) -> str:
    if running.cancelled():
        return "Error: the tool cancelled itself."
    error = running.exception()
    if error is None:
        return as_text(running.result())
    if isinstance(error, CamelExtError) or not isinstance(error, Exception):
        raise error
    return clip(f"Error: {type(error).__name__}: {error}")


def as_text(result: object) -> str:
    """Return a tool's result as bounded text: text as it is, everything else as JSON."""
    if isinstance(result, BaseModel):
        result = result.model_dump(mode="json")
    if not isinstance(result, str):
        result = json.dumps(result, ensure_ascii=False, default=str)
    return clip(result)


def load(modules: Iterable[str]) -> dict[str, Tool]:
    """Import the operator's modules and return the tools they define, by name.

    Raises: ToolModuleMissing when one cannot be imported; ToolNameTaken.
    """
    return collect(*(_tools_of(_import(name)) for name in modules))


def collect(*groups: Iterable[Tool]) -> dict[str, Tool]:
    """Return all tools by name. Raises: ToolNameTaken when two different ones share a name."""
    found: dict[str, Tool] = {}
    for one in (one for group in groups for one in group):
        if found.setdefault(one.name, one) is not one:
            raise ToolNameTaken(
                f"Two tools are named {one.name!r}, and a model could not tell them apart. Rename "
                "one of them, for example by @tool(name=...)."
            )
    return found


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except (ImportError, SyntaxError) as error:
        raise ToolModuleMissing(
            f"The tool module {name!r} cannot be imported: {error}. Check the setting of tool "
            "modules, and that the module is installed where the platform runs."
        ) from error


def _tools_of(module: ModuleType) -> list[Tool]:
    return [value for value in vars(module).values() if isinstance(value, Tool)]
