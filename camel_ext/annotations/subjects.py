"""What is judged: whether an answer is there, its text, and what it was asked."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.orm import Session

from camel_ext.annotations.errors import JudgementInvalid
from camel_ext.annotations.schemas import AnyCreate, CorrectionCreate
from camel_ext.interactions import (
    InteractionUnknown,
    Origin,
    read_answers,
    read_library,
    read_origins,
)

Json = dict[str, Any]


def check_subjects(db: Session, wanted: Sequence[AnyCreate]) -> None:
    """Refuse judgements of what is not there, and corrections that correct nothing.

    Raises: InteractionUnknown, JudgementInvalid.
    """
    require(db, [each for one in wanted for each in one.interaction_ids])
    corrections = [one for one in wanted if isinstance(one, CorrectionCreate)]
    answers = read_answers(db, [one.interaction_ids[0] for one in corrections])
    for one in corrections:
        _check_correction(one, answers.get(one.interaction_ids[0]))


def require(
    db: Session, ids: Iterable[UUID], *, field: str = "interaction_ids"
) -> dict[UUID, Origin]:
    """Return where these interactions come from; a query for each 500.

    Raises: InteractionUnknown, which names the field that they came in.
    """
    wanted = list(ids)
    origins = read_origins(db, wanted)
    for each in wanted:
        if each not in origins:
            raise InteractionUnknown(f"`{field}`: there is no interaction {each} in this project")
    return origins


def _check_correction(wanted: CorrectionCreate, answer: Json | None) -> None:
    if answer is None:
        subject = wanted.interaction_ids[0]
        raise JudgementInvalid(
            f"`interaction_ids`: {subject} got no answer: nothing can be corrected"
        )
    if text_of(answer["message"]).strip() == wanted.text.strip():
        raise JudgementInvalid(
            "`text`: it is the answer as it stands: a correction is another text (thumbs or a rating "
            "say that an answer is good)"
        )


def text_of(message: Json | None) -> str:
    """Return the text of a message; empty where it has none, such as a bare tool call."""
    content = (message or {}).get("content")
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        content = "\n".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


@dataclass(frozen=True, slots=True)
class Subject:
    """An answer's text, and what it was asked: the user's last message. Empty: there is none."""

    id: UUID
    answer: str
    prompt: str


def read_subjects(db: Session, ids: Sequence[UUID], *, with_prompts: bool) -> list[Subject]:
    """Return answers in the order of their ids; one query for each 500.

    Without prompts only the answers are read: a long talk's history is not put together.
    """
    if not with_prompts:
        answers = read_answers(db, ids)
        return [
            Subject(each, text_of((answers.get(each) or {}).get("message")), "") for each in ids
        ]
    library = read_library(db, ids)
    found = []
    for each in ids:
        said = library.said(each)
        found.append(Subject(each, text_of(said.answer), last_said(said.messages)))
    return found


def last_said(messages: Sequence[bytes]) -> str:
    """Return the text of the user's last message; empty where no user spoke."""
    for raw in reversed(messages):
        message = msgspec.json.decode(raw)
        if message.get("role") == "user":
            return text_of(message)
    return ""


def show_subjects(db: Session, ids: Sequence[UUID]) -> list[Json]:
    """Return prompt and answer of each, in order; a prompt that is the first one's is left out."""
    library, found = read_library(db, ids), list[Json]()
    first: bytes | None = None
    for each in ids:
        said = library.said(each)
        prompt = None if said.prompt == first else msgspec.json.decode(said.prompt)
        first = first or said.prompt
        found.append({"interaction_id": each, "prompt": prompt, "answer": said.answer})
    return found
