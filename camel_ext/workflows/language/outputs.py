"""What a step leaves behind for later steps: the shape of `steps.<name>`, by kind of step.

The executor builds these mappings, templates and conditions read them, checks knows their fields;
so they stand in one place. Nothing is run or stored here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from camel_ext.workflows.language.schema import AnyStep, Workflow

FIELDS: dict[str, dict[str, str]] = {
    "agent": {
        "text": "what the agent answered",
        "parsed": "the JSON value, where the agent has a response_schema; else null",
        "tool_calls": "how many tools it called",
    },
    "tool": {
        "text": "what the tool gave, as text",
        "parsed": "the JSON value, where the text is JSON; else null",
        "ok": "whether it ran without error",
    },
    "verify": {
        "text": "the text that was checked",
        "passed": "true, false, or null when it could not be checked",
        "score": "between 0 and 1",
        "reason": "why, for people",
        "state": "passed, failed, error or timeout",
    },
    "loop": {
        "text": "the text of the last step of the last round",
        "last": "the steps of the last round, by name",
        "rounds": "the steps of every round, by name",
        "count": "how many rounds were run",
        "met": "whether the condition ended it, not the bound",
    },
    "best_of": {
        "text": "the text of the last step of the best candidate",
        "best": "the steps of the best candidate, by name",
        "candidates": "the steps of every candidate, by name",
        "chosen": "which candidate is the best, from 0",
        "score": "the score of the best candidate",
        "scores": "the score of every candidate",
    },
}

Outputs = Mapping[str, Mapping[str, Any]]


def agent_output(text: str, parsed: Any = None, *, tool_calls: int = 0) -> dict[str, Any]:
    """Return what an agent step leaves behind."""
    return {"text": text, "parsed": parsed, "tool_calls": tool_calls}


def tool_output(text: str, parsed: Any = None, *, ok: bool = True) -> dict[str, Any]:
    """Return what a tool step leaves behind."""
    return {"text": text, "parsed": parsed, "ok": ok}


def verify_output(text: str, verdict: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a verify step leaves behind; the verdict is `Verdict.as_dict()`."""
    return {"text": text, **{key: verdict[key] for key in ("passed", "score", "reason", "state")}}


def loop_output(
    rounds: Sequence[Outputs], steps: Sequence[AnyStep], *, met: bool
) -> dict[str, Any]:
    """Return what a loop leaves behind, from the outputs of each of its rounds."""
    last = rounds[-1]
    return {
        "text": last[steps[-1].name]["text"],
        "last": last,
        "rounds": list(rounds),
        "count": len(rounds),
        "met": met,
    }


def best_of_output(
    candidates: Sequence[Outputs], steps: Sequence[AnyStep], scores: Sequence[float]
) -> dict[str, Any]:
    """Return what a best_of leaves behind; the first of equally good candidates wins."""
    chosen = max(range(len(scores)), key=lambda index: (scores[index], -index))
    best = candidates[chosen]
    return {
        "text": best[steps[-1].name]["text"],
        "best": best,
        "candidates": list(candidates),
        "chosen": chosen,
        "score": scores[chosen],
        "scores": list(scores),
    }


def context(
    inputs: Mapping[str, Any],
    steps: Outputs,
    *,
    rounds: Sequence[Outputs] | None = None,
    candidate: int | None = None,
) -> dict[str, Any]:
    """Return what templates and conditions see; `rounds` are the rounds before this one.

    In a nested loop `round` and `rounds` are the innermost loop's, `candidate` is the innermost
    best_of's; outside of any they are not there.
    """
    seen: dict[str, Any] = {"input": dict(inputs), "steps": dict(steps)}
    if rounds is not None:
        seen |= {"round": len(rounds), "rounds": list(rounds)}
    if candidate is not None:
        seen["candidate"] = candidate
    return seen


def output_expression(workflow: Workflow) -> str | dict[str, str]:
    """Return the expression of a workflow's output; left out, the text of its last step."""
    return workflow.output or f"steps.{workflow.steps[-1].name}.text"
