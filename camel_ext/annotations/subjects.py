"""What is judged: whether an answer is there, its text, and what it was asked."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from camel_ext.annotations.errors import JudgementInvalid
from camel_ext.annotations.schemas import AnyCreate, CorrectionCreate
from camel_ext.interactions import InteractionUnknown, Library, read_library

Message = Mapping[str, Any]


def check_subjects(db: Session, wanted: Sequence[AnyCreate]) -> None:
    """Refuse judgements of what is not there, and corrections that correct nothing; one query.

    Raises: InteractionUnknown, JudgementInvalid.
    """
    library = known(db, list(dict.fromkeys(i for one in wanted for i in one.interaction_ids)))
    for one in wanted:
        if isinstance(one, CorrectionCreate):
            _check_correction(library, one)


def known(db: Session, ids: Sequence[UUID]) -> Library:
    """Return what was said in these interactions; a query for each 500. Raises: InteractionUnknown."""
    library = read_library(db, ids)
    for each in ids:
        if each not in library.pieces:
            raise InteractionUnknown(
                f"interaction_ids: there is no interaction {each} in this project"
            )
    return library


def _check_correction(library: Library, wanted: CorrectionCreate) -> None:
    subject = wanted.interaction_ids[0]
    answer = library.said(subject).answer
    if answer is None:
        raise JudgementInvalid(
            f"interaction_ids: {subject} got no answer: nothing can be corrected"
        )
    if text_of(answer).strip() == wanted.text.strip():
        raise JudgementInvalid(
            "text: it is the answer as it stands: a correction is another text (thumbs or a rating "
            "say that an answer is good)"
        )


def text_of(message: Message | None) -> str:
    """Return the text of a message; empty where it has none, such as a bare tool call."""
    content = (message or {}).get("content")
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        content = "\n".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""
