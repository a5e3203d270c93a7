"""What events mean to people: a title, how grave it is, where it is looked at. Pure; no templates.

What a user or a model wrote is data in these sentences: it is shortened, control characters are taken out,
and whoever shows it escapes it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from camel_ext.core.outbox import EVENT_TYPES
from camel_ext.notifications.models import Severity

Json = dict[str, Any]
LONGEST = 300
OURS = "notifications."
TOO_MANY = frozenset({"workflows.turn.committed", "interactions.interaction.recorded"})
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]+")


@dataclass(frozen=True, slots=True)
class Words:
    """An event, for people."""

    severity: Severity
    title: str
    detail: str = ""
    path: str | None = None


def noticeable() -> list[str]:
    """Return the types of events that rules can ask for."""
    return sorted(n for n in EVENT_TYPES if not n.startswith(OURS) and n not in TOO_MANY)


def words_for(event_type: str, subject: str, payload: Json) -> Words:
    """Say what an event means."""
    say = _SAY.get(event_type)
    if say is None:
        return Words(Severity.INFO, one_line(f"{event_type}: {subject}"))
    said = say(subject, payload)
    return Words(said.severity, one_line(said.title), one_line(said.detail), said.path)


def one_line(text: str) -> str:
    """Return a text without control characters, on one line, and not too long."""
    flat = _CONTROLS.sub(" ", text).strip()
    return flat if len(flat) <= LONGEST else flat[: LONGEST - 1] + "…"


def _path(page: str, subject: str) -> str:
    return f"{page}/?id={quote(subject, safe='')}"


def _ended(what: str, page: str | None) -> Callable[[str, Json], Words]:
    """Return how the end of something is said whose event carries `state` and `error_code`."""

    def say(subject: str, payload: Json) -> Words:
        state = str(payload.get("state", "succeeded"))
        named = what.format_map(_Named(payload))
        path = None if page is None else _path(page, subject)
        error = payload.get("error_code")
        return Words(_GRAVE.get(state, Severity.INFO), f"{named} {state}", str(error or ""), path)

    return say


class _Named(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "?"


_GRAVE = {
    "failed": Severity.FAILURE,
    "succeeded": Severity.SUCCESS,
    "waiting": Severity.ATTENTION,
}
_WAITS = {
    "person": "waits for you",
    "budget": "has used up its budget",
    "provider": "waits for its model's provider",
    "pause": "is paused",
    "schedule": "waits for its turn",
}


def _run_waiting(subject: str, payload: Json) -> Words:
    waiting_for = str(payload.get("waiting_for"))
    waits = _WAITS.get(waiting_for, "waits")
    grave = Severity.ATTENTION if waiting_for in ("person", "budget") else Severity.INFO
    title = f"A run of {payload.get('workflow')} {waits}"
    detail = str(payload.get("detail") or "")
    return Words(grave, title, detail, _path("/workflows/run", subject))


def _improvement_waiting(subject: str, payload: Json) -> Words:
    title = f"The improvement of {payload.get('workflow')} waits for your decision"
    detail = f"Verdict: {payload.get('verdict')}"
    return Words(Severity.ATTENTION, title, detail, _path("/experiments/improvement", subject))


def _certificate(subject: str, payload: Json) -> Words:
    verdict = str(payload.get("verdict"))
    title = f"Certificate C-{int(payload.get('number') or 0):04d}: {verdict.replace('_', ' ')}"
    return Words(Severity.SUCCESS, title, "", _path("/experiments/certificate", subject))


def _decision(subject: str, payload: Json) -> Words:
    return Words(
        Severity.INFO,
        f"{subject}: {str(payload.get('kind')).replace('_', ' ')}",
        "",
        "/experiments/",
    )


def _alias(subject: str, _payload: Json) -> Words:
    return Words(Severity.INFO, f"The alias {subject} moved", "", "/registry/")


def _dead(_subject: str, payload: Json) -> Words:
    title = f"A job {payload.get('kind')} is dead: it ran out of tries"
    return Words(Severity.FAILURE, title, str(payload.get("error_code") or ""), "/settings/jobs/")


_SAY: dict[str, Callable[[str, Json], Words]] = {
    "workflows.run.waiting": _run_waiting,
    "workflows.run.finished": _ended("A run of {workflow}", "/workflows/run"),
    "workflows.fork.finished": _ended("A fork", None),
    "experiments.improvement.waiting": _improvement_waiting,
    "experiments.improvement.finished": _ended(
        "The improvement of {workflow}", "/experiments/improvement"
    ),
    "experiments.certificate.issued": _certificate,
    "experiments.decision.made": _decision,
    "registry.alias.moved": _alias,
    "training.training.finished": _ended("The training {name}", "/training"),
    "evaluation.evaluation.finished": _ended("The evaluation of {suite}", "/evaluation/evaluation"),
    "datasets.version.finished": _ended("Version {number} of the dataset {dataset}", None),
    "datasets.export.finished": _ended("The export of {dataset}", None),
    "annotations.batch.finished": _ended("The batch of {verifier}", None),
    "scheduling.firing.ended": _ended("The schedule {schedule}", None),
    "jobs.job.died": _dead,
}
