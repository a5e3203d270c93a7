"""camel's tools on top of the run: a model's tool call goes to `Calls.tool`.

Arguments that do not fit the tool's schema are answered here with what is wrong, so that the model
can try again. It executes nothing itself.
"""
# mypy: disallow-subclassing-any=False

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from camel.toolkits import FunctionTool
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, best_match

from camel_ext.core.errors import Invalid
from camel_ext.workflows.agents.backend import MALFORMED
from camel_ext.workflows.agents.calls import Json, ToolSpec
from camel_ext.workflows.agents.turns import Turns


class RunTool(FunctionTool):
    """One tool of one agent; `turns` gives the step that it is called in.

    Never `strict`: that would ask providers to refuse schemas that are fine for us, and the
    arguments are checked here anyway.
    """

    def __init__(self, spec: ToolSpec, turns: Callable[[], Turns]) -> None:
        self.spec = spec
        self._turns = turns
        self._validator = _validator(spec.name, json.dumps(spec.parameters, sort_keys=True))
        super().__init__(
            self._never,
            {
                "type": "function",
                "function": {
                    "name": spec.name,
                    "description": spec.description,
                    "parameters": spec.parameters,
                },
            },
        )

    async def async_call(self, /, *_args: Any, **arguments: Any) -> str:
        turns = self._turns()
        call_id = turns.take(self.spec.name)
        if problem := self._problem(arguments):
            return problem
        return await turns.tool(self.spec.name, arguments, call_id)

    @staticmethod
    def validate_openai_tool_schema(openai_tool_schema: Json) -> None:
        """Do nothing: camel validates every schema at every model call; ours were, once."""

    def _problem(self, arguments: Json) -> str | None:
        if arguments.keys() == {MALFORMED}:
            return (
                f"The tool {self.spec.name} was not run: its arguments were not a JSON object. "
                "Call it again with valid JSON."
            )
        error = best_match(self._validator.iter_errors(arguments))
        if error is None:
            return None
        return (
            f"The tool {self.spec.name} was not run: at {error.json_path}: {error.message}. "
            "Call it again with arguments that fit its schema."
        )

    @staticmethod
    async def _never() -> None:
        raise RuntimeError("a tool of a durable run is called through async_call")


@lru_cache(maxsize=512)  # many runs use the same tools, and checking a schema costs a millisecond
def _validator(name: str, schema_text: str) -> Draft202012Validator:
    schema = json.loads(schema_text)
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise Invalid(
            f"The parameters of the tool {name} are no JSON Schema: at {error.json_path}: "
            f"{error.message}. No agent can use it until its schema is mended."
        ) from None
    if schema.get("type") != "object":
        raise Invalid(
            f"The parameters of the tool {name} are not of type object, as every model expects. "
            'Wrap them: {"type": "object", "properties": {...}}.'
        )
    return Draft202012Validator(schema)
