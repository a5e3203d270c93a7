"""Asking a model by itself, for a case or as a judge: one call, recorded in the log, purpose eval.

A workflow's runs are started by `answers`. Nothing here chooses a version.
"""

from typing import Any
from uuid import UUID

from camel_ext.core.errors import CamelExtError
from camel_ext.core.queue import TaskContext
from camel_ext.evaluation.answers import Answered
from camel_ext.evaluation.evaluations import case_seed
from camel_ext.evaluation.models import Evaluation
from camel_ext.evaluation.targets import messages_of
from camel_ext.registry import ResolvedModel
from camel_ext.serving import Asked, Caller, Served, complete

Json = dict[str, Any]
SOURCE = "evaluation"


async def ask(context: TaskContext, caller: Caller, model: ResolvedModel, asked: Asked) -> Served:
    """Return a model's answer, once it is in the log. Raises: as `serving.complete`."""
    served = await complete(context.runtime, caller, model, asked)
    await context.append(served.entries)
    served.keep()
    return served


def caller_of(
    context: TaskContext, principal_id: UUID, subject: UUID, *, step: str, tags: tuple[str, ...]
) -> Caller:
    """Return who asks, so that the log finds it by the evaluation or judging."""
    return Caller(
        tenant=context.job.tenant,
        principal_id=principal_id,
        source=SOURCE,
        purpose="eval",
        trace_id=context.job.trace_id,
        session=f"{SOURCE}:{subject}",
        tags=tags,
        step_key=step,
    )


async def answer_case(
    context: TaskContext, evaluation: Evaluation, model: ResolvedModel, position: int, case: Json
) -> Answered:
    """Ask a model one case. What cannot be retried is an answer's absence, not an error of ours.

    Raises: what may be retried, after the engine's own tries.
    """
    tags = (f"topic:{case['topic']}",)
    caller = caller_of(context, evaluation.principal_id, evaluation.id, step=case["id"], tags=tags)
    asked = Asked(
        messages=messages_of(case["id"], case["input"]),
        params={"seed": case_seed(evaluation.seed, case["id"]), "temperature": 0.0},
    )
    try:
        served = await ask(context, caller, model, asked)
    except CamelExtError as error:
        if error.retryable:
            raise
        return Answered(position, error=(error.code, error.detail))
    return Answered(
        position, served.message.get("content") or "", None, served.interaction_id,
        served.total_ms, served.prompt_tokens, served.completion_tokens, served.cost_usd_micros,
    )  # fmt: skip
