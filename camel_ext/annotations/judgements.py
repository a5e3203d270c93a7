"""What a judgement is worth and whose stance it is: from what was sent to a row. No database here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import singledispatch
from typing import Any
from uuid import UUID

from camel_ext.annotations.errors import JudgementInvalid
from camel_ext.annotations.models import AnnotationKind, JudgeKind
from camel_ext.annotations.schemas import (
    AnyCreate,
    ChoiceCreate,
    CorrectionCreate,
    JudgeGiven,
    LabelsCreate,
    RankingCreate,
    RatingCreate,
    ThumbsCreate,
    VerdictCreate,
)
from camel_ext.core.hashing import canonical_json, content_hash, sha256_hex
from camel_ext.verifiers import list_verifiers

Json = dict[str, Any]
NewId = Callable[[], UUID]


@dataclass(frozen=True, slots=True)
class Judge:
    """Who judges, and as whom it is signed in.

    A verifier's version is `verifier_version`; a model's is what tells its versions apart.
    """

    kind: JudgeKind
    name: str
    version: str | None
    principal_id: UUID


@dataclass(frozen=True, slots=True)
class Judgement:
    """A judgement that counts, as whoever makes pairs or statistics of it reads it.

    `value` by kind: rating `{rating, low, high}`, thumbs `{up}`, labels `{labels}`, correction
    `{text}`, choice `{chosen_id}` (null: a tie; with `both_bad`: true, one of bad answers), ranking `{ranking}` (groups of ids, best first),
    verdict `{state, reason}`.
    Units: `score` from 0 to 1; None where the kind has none or nothing was found.
    """

    id: UUID
    kind: AnnotationKind
    judge_kind: JudgeKind
    judge: str
    judge_version: str | None
    principal_id: UUID
    interaction_ids: tuple[UUID, ...]
    score: float | None
    value: Mapping[str, Any]
    guideline_version: str | None
    created_at: datetime


def judge_of(principal_id: UUID, name: str, given: JudgeGiven | None) -> Judge:
    """Return who judges: whoever sends it, as a person, unless it names another judge.

    Raises: JudgementInvalid where that is a verifier of ours, whose verdicts only batches write.
    """
    if given is None:
        return Judge(JudgeKind.PERSON, name, None, principal_id)
    ours = {verifier.name for verifier in list_verifiers()}
    if given.kind == JudgeKind.VERIFIER and given.name in ours:
        raise JudgementInvalid(
            f"`judge.name`: {given.name!r} is a verifier of this server: start a batch, so that its "
            "verdicts can be trusted (POST /api/v1/annotation-batches)"
        )
    return Judge(given.kind, given.name, given.version, principal_id)


def verifier_version(
    verifier: str, params: Mapping[str, Any], per_subject: Mapping[str, str] | None = None
) -> str:
    """Return the version that verdicts of a verifier with these parameters carry."""
    return content_hash([verifier, dict(params), dict(per_subject or {})])


def stance_of(judge: Judge, kind: AnnotationKind, ids: list[UUID]) -> str:
    """Return the hash of who judges what in which form: of each stance the newest word counts.

    A person is its name and key; a verifier or model is the same whoever runs it. The order shown is
    part of the question only for a model: asked the other way round it is asked something else.
    """
    somebody = judge.kind in (JudgeKind.PERSON, JudgeKind.AGENT)
    subjects = [str(each) for each in ids]
    return sha256_hex(
        canonical_json(
            [
                kind,
                judge.kind,
                judge.name,
                judge.version,
                str(judge.principal_id) if somebody else None,
                subjects if judge.kind == JudgeKind.MODEL else sorted(subjects),
            ]
        )
    )


def draft(judge: Judge, wanted: AnyCreate, annotation_id: UUID, now: datetime) -> Json:
    """Return the row of a judgement; what it supersedes is still to be looked up.

    A plain row and no object: 100 are written in 13 ms of the one writer, not in 43 (measured).
    """
    score, value = worth_of(wanted)
    return {
        "id": annotation_id,
        "kind": wanted.kind,
        "judge_kind": judge.kind,
        "judge": judge.name,
        "judge_version": judge.version,
        "principal_id": judge.principal_id,
        "interaction_ids": [str(each) for each in wanted.interaction_ids],
        "stance": stance_of(judge, wanted.kind, wanted.interaction_ids),
        "score": score,
        "value": value,
        "rationale": wanted.rationale,
        "time_spent_ms": wanted.time_spent_ms,
        "guideline_version": wanted.guideline_version,
        "blind": wanted.blind,
        "batch_id": None,
        "queue_item_id": wanted.queue_item_id,
        "supersedes_id": None,
        "created_at": now,
    }


def as_judgement(row: Any) -> Judgement:
    """Return a row, or its columns, as it is read by others."""
    return Judgement(
        row.id, row.kind, row.judge_kind, row.judge, row.judge_version, row.principal_id,
        tuple(UUID(each) for each in row.interaction_ids), row.score, row.value,
        row.guideline_version, row.created_at,
    )  # fmt: skip


@singledispatch
def worth_of(wanted: AnyCreate) -> tuple[float | None, Json]:
    """Return the score, where the kind has one, and the value of a judgement."""
    raise TypeError(f"{type(wanted).__name__} is no judgement")


@worth_of.register
def _(wanted: RatingCreate) -> tuple[float | None, Json]:
    score = (wanted.rating - wanted.low) / (wanted.high - wanted.low)
    return score, {"rating": wanted.rating, "low": wanted.low, "high": wanted.high}


@worth_of.register
def _(wanted: ThumbsCreate) -> tuple[float | None, Json]:
    return float(wanted.up), {"up": wanted.up}


@worth_of.register
def _(wanted: LabelsCreate) -> tuple[float | None, Json]:
    return None, {"labels": wanted.labels}


@worth_of.register
def _(wanted: CorrectionCreate) -> tuple[float | None, Json]:
    return None, {"text": wanted.text}


@worth_of.register
def _(wanted: ChoiceCreate) -> tuple[float | None, Json]:
    chosen = dict(zip(("first", "second"), map(str, wanted.interaction_ids), strict=True))
    value: Json = {"chosen_id": chosen.get(wanted.choice)}
    return None, ({**value, "both_bad": True} if wanted.choice == "both_bad" else value)


@worth_of.register
def _(wanted: RankingCreate) -> tuple[float | None, Json]:
    return None, {"ranking": [[str(each) for each in group] for group in wanted.ranking]}


@worth_of.register
def _(wanted: VerdictCreate) -> tuple[float | None, Json]:
    score = wanted.score
    if score is None and wanted.state in ("passed", "failed"):
        score = float(wanted.state == "passed")
    return score, {"state": wanted.state, "reason": wanted.reason}
