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
CUT_OFF = ("length", "content_filter")  # finish reasons of an answer that is not whole


class _Request(msgspec.Struct):
    tools: list[Json] | None = None


class _Choice(msgspec.Struct):
    message: Json | None = None
    finish_reason: str | None = None


class _Response(msgspec.Struct):
    choices: list[_Choice] = []


@dataclass(slots=True)
class Looked:
    """A page of what was looked at, and where to go on."""

    candidates: list[Candidate] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    looked_at: int = 0
    cursor: str | None = None
    is_last: bool = True


Prompts = dict[str, list[Json]]
"""Prompts by hash: the candidates of one share it, instead of holding a copy each."""


def look(
    db: Session, version: DatasetVersion, done: int, cursor: str | None, prompts: Prompts
) -> Looked:
    """Return the next page of judged answers for a version that is being built."""
    room = min(PAGE, version.at_most - done)
    if version.given_ids is not None:
        ids = [UUID(each) for each in version.given_ids[done : done + room]]
        following, is_last = None, done + len(ids) >= len(version.given_ids)
    else:
        wanted = InteractionFilter.model_validate(version.wanted)
        place = Place(room, None if cursor is None else decode_cursor(cursor))
        page = list_interactions(db, wanted, place)
        ids = [row["id"] for row in page.items]
        following, is_last = page.next_cursor, page.next_cursor is None
    is_last = is_last or done + len(ids) >= version.at_most
    found = Looked(looked_at=len(ids), cursor=following, is_last=is_last)
    _take(db, version, ids, prompts, found)
    return found


def _take(
    db: Session, version: DatasetVersion, ids: Sequence[UUID], prompts: Prompts, found: Looked
) -> None:
    """Put those of these that may enter, and of whom something is said, among the candidates."""
    origins = read_origins(db, ids)
    found.left_out["unknown"] += len(ids) - len(origins)
    forked = [each.forked_from_id for each in origins.values() if each.forked_from_id is not None]
    parents = read_origins(db, forked)
    run_ids = {each: _run_of(origin, parents) for each, origin in origins.items()}
    excluded = {UUID(each) for each in version.exclude_runs}
    entering = []
    for each in origins.values():
        reason = _why_out(each, run_ids[each.id], excluded)
        if reason is None:
            entering.append(each)
        else:
            found.left_out[reason] += 1
    said = {
        interaction_id: tuple(_heard(judgements, version.exclude_judges))
        for interaction_id, judgements in read_current(db, [each.id for each in entering]).items()
    }
    judged = [each for each in entering if said.get(each.id)]
    found.left_out["unjudged"] += len(entering) - len(judged)
    library = read_library(db, [each.id for each in judged])
    for each in judged:
        try:
            candidate = _candidate(each, run_ids[each.id], library, prompts, said[each.id])
        except msgspec.DecodeError:  # the log keeps whatever was sent, also what is no chat
            found.left_out["unreadable"] += 1
            continue
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
    origin: Origin,
    run_id: UUID | None,
    library: Library,
    prompts: Prompts,
    judgements: tuple[Judgement, ...],
) -> Candidate | None:
    """Return an answer as a candidate, None where it says nothing."""
    said = library.said(origin.id)
    choices = msgspec.json.decode(said.response or b"{}", type=_Response).choices
    if not choices or choices[0].message is None:
        return None
    message = as_answer(choices[0].message)
    if not text_of([message]):
        return None
    if origin.prompt_hash not in prompts:
        prompts[origin.prompt_hash] = [msgspec.json.decode(raw) for raw in said.messages]
    return Candidate(
        origin.id,
        origin.prompt_hash,
        prompts[origin.prompt_hash],
        msgspec.json.decode(said.sent, type=_Request).tools or None,
        message,
        topic_of(origin.tags),
        run_id,
        choices[0].finish_reason in CUT_OFF,
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
