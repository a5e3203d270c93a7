"""Answers that may become pairs, read from the log with what is said of them, a page at a time.

Only answers to purpose run or sample enter; what is left out is counted by its reason. Nothing is
written here.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import msgspec
from sqlalchemy.orm import Session

from camel_ext.annotations import Judgement, read_current
from camel_ext.core.paging import Place, decode_cursor
from camel_ext.datasets.models import DatasetVersion
from camel_ext.datasets.pair import Json, JudgedBy, text_of
from camel_ext.datasets.preferences import Candidate
from camel_ext.datasets.schemas import ENTERING
from camel_ext.interactions import (
    InteractionFilter,
    Library,
    Origin,
    list_interactions,
    read_library,
    read_origins,
)

PAGE = 250  # interactions read at a time: some 1 MB of bodies
TOPIC = "topic:"
_cut_reasons = ("length", "content_filter")


class _Request(msgspec.Struct):
    tools: list[Json] | None = None


class _Choice(msgspec.Struct):
    message: Json | None = None
    finish_reason: str | None = None


class _Response(msgspec.Struct):
    choices: list[_Choice] = []


@dataclass(slots=True)
class Looked:
    """A page of what was looked at, and where to go on; None: this was the last."""

    candidates: list[Candidate] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    looked_at: int = 0
    cursor: str | None = None


def look(db: Session, version: DatasetVersion, done: int, cursor: str | None) -> Looked:
    """Return the next page of candidates of a version that is being built."""
    room = min(PAGE, version.at_most - done)
    if version.given_ids is not None:
        ids = [UUID(each) for each in version.given_ids[done : done + room]]
        last = min(len(version.given_ids), version.at_most)
        following = "more" if done + len(ids) < last else None
    else:
        wanted = InteractionFilter.model_validate(version.wanted)
        place = Place(room, None if cursor is None else decode_cursor(cursor))
        page = list_interactions(db, wanted, place)
        ids = [row["id"] for row in page.items]
        following = page.next_cursor if done + len(ids) < version.at_most else None
    found = Looked(looked_at=len(ids), cursor=following)
    origins = read_origins(db, ids)
    found.left_out["unknown"] += len(ids) - len(origins)
    _take(db, version, list(origins.values()), found)
    return found


def _take(db: Session, version: DatasetVersion, origins: Sequence[Origin], found: Looked) -> None:
    forked = [each.forked_from_id for each in origins if each.forked_from_id is not None]
    parents = read_origins(db, forked)
    run_ids = {each.id: _run_of(each, parents) for each in origins}
    excluded = {UUID(each) for each in version.exclude_runs}
    entering = []
    for each in origins:
        reason = _why_out(each, run_ids[each.id], excluded)
        if reason is None:
            entering.append(each)
        else:
            found.left_out[reason] += 1
    said = read_current(db, [each.id for each in entering])
    library = read_library(db, [each.id for each in entering])
    for each in entering:
        judgements = tuple(_heard(said.get(each.id, ()), version.exclude_judges))
        candidate = _candidate(each, run_ids[each.id], library, judgements)
        if candidate is None:
            found.left_out["unanswered"] += 1
        else:
            found.candidates.append(candidate)


def _run_of(origin: Origin, parents: dict[UUID, Origin]) -> UUID | None:
    """Return an answer's run; of a further try, that of what it is a try of."""
    if origin.run_id is None and origin.forked_from_id in parents:
        return parents[origin.forked_from_id].run_id
    return origin.run_id


def _why_out(origin: Origin, run_id: UUID | None, excluded: set[UUID]) -> str | None:
    if origin.purpose not in ENTERING:
        return "other_purpose"
    if origin.error_code is not None:
        return "failed"
    return "excluded_runs" if run_id in excluded else None


def _heard(judgements: Iterable[Judgement], excluded: Sequence[str]) -> Iterable[Judgement]:
    for each in judgements:
        judge = JudgedBy(each.judge_kind, each.judge, each.judge_version, each.principal_id)
        if not judge.is_named_by(excluded):
            yield each


def _candidate(
    origin: Origin, run_id: UUID | None, library: Library, judgements: tuple[Judgement, ...]
) -> Candidate | None:
    """Return an answer as a candidate, None where it says nothing."""
    said = library.said(origin.id)
    choices = msgspec.json.decode(said.response or b"{}", type=_Response).choices
    if not choices or choices[0].message is None:
        return None
    message = as_answer(choices[0].message)
    if not text_of([message]):
        return None
    return Candidate(
        origin.id,
        origin.prompt_hash,
        [msgspec.json.decode(raw) for raw in said.messages],
        msgspec.json.decode(said.sent, type=_Request).tools or None,
        message,
        topic_of(origin.tags),
        run_id,
        choices[0].finish_reason in _cut_reasons,
        judgements,
    )


def as_answer(message: Json) -> Json:
    """Return a message of the assistant with what a model learns to say: text and calls of tools."""
    said: Json = {"role": "assistant", "content": message.get("content")}
    if message.get("tool_calls"):
        said["tool_calls"] = message["tool_calls"]
    return said


def topic_of(tags: Iterable[str] | None) -> str | None:
    """Return the topic that an interaction's tags name: the first of the form `topic:...`."""
    named = (tag.removeprefix(TOPIC) for tag in tags or () if tag.startswith(TOPIC))
    return next((topic for topic in named if topic), None)
