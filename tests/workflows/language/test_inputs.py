"""Inputs of a run, and the shapes that steps leave behind."""

from typing import Any

import pytest

from camel_ext.verifiers import Verdict
from camel_ext.workflows.language import (
    InputsWrong,
    Workflow,
    best_of_output,
    context,
    evaluate,
    fill_inputs,
    inputs_schema,
    is_true,
    loop_output,
    output_expression,
    render_template,
    verify_output,
)
from camel_ext.workflows.language.outputs import FIELDS, agent_output, tool_output

STEP: dict[str, Any] = {"name": "say", "agent": "a", "prompt": "x"}


def workflow(**inputs: dict[str, Any]) -> Workflow:
    return Workflow.model_validate({"inputs": inputs, "steps": [STEP]})


def test_defaults_are_filled_in() -> None:
    flow = workflow(goal={}, n={"type": "integer", "default": 3}, note={"default": None})
    assert fill_inputs(flow, {"goal": "g"}) == {"goal": "g", "n": 3, "note": None}
    assert inputs_schema(flow)["required"] == ["goal"]


def test_everything_that_is_wrong_is_said_at_once() -> None:
    flow = workflow(
        goal={"description": "what to reach"},
        n={"type": "integer"},
        kind={"enum": ["a", "b"]},
        list={"type": "array", "items": {"type": "string"}},
    )
    with pytest.raises(InputsWrong) as caught:
        fill_inputs(flow, {"gaol": "x", "n": "3", "kind": "c", "list": ["a", 1]})
    assert caught.value.detail == (
        "The run was not started:\n"
        "- there is no input `gaol`. Did you mean `goal`?\n"
        "- the input `goal` (what to reach) is missing; it is a string.\n"
        "- the input `n` does not fit: '3' is not of type 'integer'\n"
        "- the input `kind` does not fit: 'c' is not one of ['a', 'b']\n"
        "- the input `list` does not fit: `[1]`: 1 is not of type 'string'"
    )


def test_outputs_have_exactly_the_fields_that_checks_know() -> None:
    steps = workflow().steps
    said = {"say": agent_output("hello")}
    verdict = Verdict("passed", 1.0, "fine").as_dict()
    made = {
        "agent": said["say"],
        "tool": tool_output("x"),
        "verify": verify_output("x", verdict),
        "loop": loop_output([said], steps, met=True),
        "best_of": best_of_output([said, said], steps, [0.5, 0.5]),
    }
    assert {kind: set(output) for kind, output in made.items()} == {
        kind: set(fields) for kind, fields in FIELDS.items()
    }


def test_the_first_of_equally_good_candidates_wins() -> None:
    outputs = [{"say": agent_output(str(n))} for n in range(3)]
    best = best_of_output(outputs, workflow().steps, [0.1, 0.7, 0.7])
    assert (best["chosen"], best["text"], best["score"]) == (1, "1", 0.7)


def test_a_context_serves_templates_and_conditions() -> None:
    first = {"review": agent_output("no", {"approved": False})}
    now = {"review": agent_output("yes", {"approved": True})}
    seen = context({"goal": "g"}, now, rounds=[first])
    assert is_true("steps.review.parsed.approved && round == 1", seen)
    assert render_template("{{ rounds[-1].review.text }} {{ round }}", seen) == "no 1"
    assert "rounds" not in context({}, {})
    assert context({}, {}, candidate=2)["candidate"] == 2


def test_the_output_left_out_is_the_text_of_the_last_step() -> None:
    expression = output_expression(workflow())
    assert evaluate(str(expression), context({}, {"say": agent_output("hi")})) == "hi"
