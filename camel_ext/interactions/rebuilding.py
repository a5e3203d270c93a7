"""From stored bodies back to what was sent and returned, byte for byte.

Any number of interactions takes one recursive query: all bodies that their prompts stand on, each once,
and one more where some of them are archived. What is put together from them is pure. Nothing is cached.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from msgspec import Raw
from msgspec.json import decode
from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from camel_ext.interactions.errors import InteractionErased
from camel_ext.interactions.models import InteractionBody
from camel_ext.interactions.wording import Json, answer_of, as_prompt, mend_request, raw_messages

IDS_A_QUERY = 500  # SQLite takes 32,766 parameters, PostgreSQL 65,535


@dataclass(frozen=True, slots=True)
class Piece:
    """One stored body, its messages apart."""

    id: UUID
    parent_id: UUID | None
    keep_messages: int
    messages: list[bytes]
    envelope: str
    cuts: list[list[Any]]
    fixed: str | None
    response: str | None


@dataclass(frozen=True, slots=True)
class Said:
    """One call as it was: the prompt's messages, each as sent, and what came back."""

    messages: list[bytes]
    sent: bytes
    response: bytes | None

    @property
    def prompt(self) -> bytes:
        """The messages as a JSON array."""
        return b"[" + b",".join(self.messages) + b"]"

    @property
    def answer(self) -> Json | None:
        """The answer's message; None where nothing came back."""
        return None if self.response is None else answer_of(decode(self.response))


@dataclass(slots=True)
class Library:
    """Bodies by id, and the prompts already put together from them."""

    pieces: Mapping[UUID, Piece]
    missing: Mapping[UUID, str] = field(default_factory=dict)  # the archive's file that is away
    _prompts: dict[UUID, tuple[list[bytes], Mapping[str, bytes]]] = field(default_factory=dict)

    def said(self, interaction_id: UUID) -> Said:
        """Return one call as it was. Raises: InteractionErased."""
        piece = self.pieces.get(interaction_id)
        if piece is None:
            raise InteractionErased(f"the words of interaction {interaction_id} were erased")
        messages, fixed = self._prompt(piece)
        parts = {"messages": b",".join(messages), **fixed}
        sent = mend_request(piece.envelope, piece.cuts, parts)
        response = None if piece.response is None else piece.response.encode()
        return Said(messages, sent, response)

    def _prompt(self, piece: Piece) -> tuple[list[bytes], Mapping[str, bytes]]:
        """Walk up to what is known, then down again: no recursion, however long the talk."""
        chain = [piece]
        while chain[-1].id not in self._prompts and chain[-1].parent_id is not None:
            chain.append(self.pieces[chain[-1].parent_id])
        for each in reversed(chain):
            if each.id not in self._prompts:
                self._prompts[each.id] = self._put_together(each)
        return self._prompts[piece.id]

    def _put_together(self, piece: Piece) -> tuple[list[bytes], Mapping[str, bytes]]:
        kept: list[bytes] = []
        fixed: Mapping[str, bytes] = {}
        if piece.parent_id is not None:
            parent = self.pieces[piece.parent_id]
            kept, fixed = self._prompts[parent.id]
            if piece.keep_messages > len(kept):  # the parent's answer is the last that is kept
                answer = answer_of(decode(parent.response or "null"))
                assert answer is not None, "a prompt goes on after an answer that is there"
                kept = [*kept, as_prompt(answer)]
        if piece.fixed is not None:
            raw = decode(piece.fixed, type=dict[str, Raw])
            fixed = {name: bytes(part) for name, part in raw.items()}
        return [*kept[: piece.keep_messages], *piece.messages], fixed


def read_library(db: Session, ids: Iterable[UUID], *, skip_missing: bool = False) -> Library:
    """Return all bodies that these interactions stand on; one query for each 500 ids.

    `skip_missing`: without those whose archive's file is away.
    Raises: ArchiveUnreadable.
    """
    missing: dict[UUID, str] | None = {} if skip_missing else None
    wanted, pieces = list(ids), dict[UUID, Piece]()
    for start in range(0, len(wanted), IDS_A_QUERY):
        some = wanted[start : start + IDS_A_QUERY]
        _read(db, some, pieces)
        if left := [each for each in some if each not in pieces]:
            _read_archived(db, left, pieces, missing)
        if left := [each for each in left if each not in pieces]:
            _read(db, left, pieces)  # it came back from the archive just now; else it is erased
    return Library(pieces, missing or {})


def _read_archived(
    db: Session, ids: list[UUID], pieces: dict[UUID, Piece], missing: dict[UUID, str] | None
) -> None:
    """Take from the archive what it holds: prompts stand there whole."""
    from camel_ext.interactions.archived import find_archived  # it comes with the first of them

    for row in find_archived(db, ids, missing=missing):
        request = row["request"]
        texts = raw_messages(request.encode())
        one = UUID(row["id"])
        pieces[one] = Piece(one, None, 0, texts, request, [], None, row["response"])


def _read(db: Session, ids: list[UUID], pieces: dict[UUID, Piece]) -> None:
    begin = select(InteractionBody.id, InteractionBody.parent_id)
    chain = begin.where(InteractionBody.id.in_(ids)).cte("chain", recursive=True)
    above = aliased(InteractionBody)
    chain = chain.union(  # not UNION ALL: a body that many stand on comes once
        select(above.id, above.parent_id).join(chain, above.id == chain.c.parent_id)
    )
    query = select(
        InteractionBody.id,
        InteractionBody.parent_id,
        InteractionBody.keep_messages,
        InteractionBody.messages,
        InteractionBody.envelope,
        InteractionBody.cuts,
        InteractionBody.fixed,
        InteractionBody.response,
    ).join(chain, InteractionBody.id == chain.c.id)
    for row in db.execute(query):
        texts = raw_messages(b'{"messages":[' + row.messages.encode() + b"]}")
        pieces[row.id] = Piece(
            row.id, row.parent_id, row.keep_messages, texts, row.envelope, row.cuts, row.fixed,
            row.response,
        )  # fmt: skip


def read_answers(db: Session, ids: Iterable[UUID]) -> dict[UUID, Json]:
    """Return `{id, model, message, finish_reason, usage}` of each interaction that was answered."""
    wanted, answers = list(ids), dict[UUID, Json]()
    for start in range(0, len(wanted), IDS_A_QUERY):
        some = wanted[start : start + IDS_A_QUERY]
        query = select(InteractionBody.id, InteractionBody.response).where(
            InteractionBody.id.in_(some)
        )
        found = {interaction_id: response for interaction_id, response in db.execute(query)}  # noqa: C416
        if left := [each for each in some if each not in found]:
            from camel_ext.interactions.archived import find_archived

            archived = find_archived(db, left, ("id", "response"))
            found |= {UUID(row["id"]): row["response"] for row in archived}
        for interaction_id, response in found.items():
            answer = None if response is None else _answer(decode(response))
            if answer is not None:
                answers[interaction_id] = answer
    return answers


def _answer(raw: Json) -> Json | None:
    message = answer_of(raw)
    if message is None:
        return None
    return {
        "id": raw.get("id", ""),
        "model": raw.get("model", ""),
        "message": message,
        "finish_reason": raw["choices"][0].get("finish_reason") or "stop",
        "usage": raw.get("usage") or {},
    }
