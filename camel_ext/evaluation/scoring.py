"""Scoring one answer by verifiers: from what came out to what each of them found.

A check that could not be made has no score, and is never taken for a failure. Judges are `judges`'.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from camel_ext.core.errors import CamelExtError
from camel_ext.core.hashing import content_hash
from camel_ext.core.threads import Threads
from camel_ext.evaluation.suite_schemas import SuiteScorer
from camel_ext.evaluation.suites import field_of, params_of
from camel_ext.verifiers import Outcome, verify

Json = dict[str, Any]
REASON_CHARS = 500


@dataclass(frozen=True, slots=True)
class Check:
    """A scorer under its name, with the hash of all that decides what it finds."""

    name: str
    scorer: SuiteScorer
    hash: str


def check_of(name: str, scorer: SuiteScorer, judge_hash: str | None = None) -> Check:
    """Return a scorer ready for use; `judge_hash` names the model that judges, where one does."""
    said = scorer.model_dump(mode="json", exclude={"description", "take"})
    return Check(name, scorer, content_hash([said, judge_hash]))


def text_of(answer: Any, path: str | None) -> str:
    """Return the text that is checked: a text as it is, anything else as JSON; "" for nothing."""
    found = field_of(answer, path)
    if found is None:
        return ""
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)


async def score(
    threads: Threads, checks: list[Check], case: Json, answer: Any, known: Mapping[str, Json]
) -> dict[str, Json]:
    """Return `{state, score, reason, hash}` of each verifier.

    What an equal check found of the same answer before (`known`, by name) is taken as it is.
    """
    found = {}
    for check in checks:
        before = known.get(check.name)
        if before is not None and before.get("hash") == check.hash:
            found[check.name] = before
        elif check.scorer.verify is not None:
            found[check.name] = await _verified(threads, check, case, answer)
    return found


async def _verified(threads: Threads, check: Check, case: Json, answer: Any) -> Json:
    scorer = check.scorer
    text = text_of(answer, scorer.of)
    if not text.strip():
        return shown(check, "failed", 0.0, "there is nothing to check in the output")
    try:
        params = params_of(scorer, case["input"], case["expect"])
        verdict = await verify(str(scorer.verify), params, Outcome(text), threads=threads)
    except (CamelExtError, LookupError) as error:
        return shown(check, "error", None, str(error))
    score_found = verdict.score if verdict.passed is not None else None
    return shown(check, verdict.state, score_found, verdict.reason)


def shown(check: Check, state: str, value: float | None, reason: str) -> Json:
    """Return what is kept of a check."""
    reason = reason.replace("\0", " ")[:REASON_CHARS]
    return {"state": state, "score": value, "reason": reason, "hash": check.hash}
