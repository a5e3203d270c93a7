"""A batch's work: which answers come next, checking them, writing what was found. One page at a time.

A page's verdicts, the counters and the place where the batch goes on are one commit, so that a batch
whose worker died goes on where it was and writes nothing twice.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from camel_ext.annotations.batches import end_batch, get_batch
from camel_ext.annotations.judgements import Judge, NewId, draft
from camel_ext.annotations.judging import add_rows
from camel_ext.annotations.models import Batch, JudgeKind
from camel_ext.annotations.schemas import VerdictCreate
from camel_ext.annotations.subjects import Subject, read_subjects
from camel_ext.core.clock import Clock
from camel_ext.core.models import State
from camel_ext.core.paging import Place, decode_cursor
from camel_ext.core.threads import Threads
from camel_ext.interactions import InteractionFilter, list_interactions
from camel_ext.verifiers import Outcome, Verdict, VerifierParamsWrong, get_verifier, verify

PAGE = 100  # verdicts in one commit: some 15 ms of the one writer
PAGE_OF_SLOW = 8  # of a verifier that takes seconds an answer: so much is done again after a crash
CHECKS_AT_ONCE = 4
EXAMPLES = 3  # kept of each outcome
REASON_CHARS = 2_000
COUNTED_PAGE = 500


@dataclass(frozen=True, slots=True)
class Page:
    """The answers that come next, and where the batch goes on after them."""

    subjects: list[Subject]
    cursor: str | None
    is_last: bool


@dataclass(frozen=True, slots=True)
class Checked:
    """An answer with what was found of it."""

    subject: Subject
    verdict: Verdict | None


def begin(db: Session, clock: Clock, batch_id: UUID) -> Batch:
    """Say that a batch is being executed."""
    batch = get_batch(db, batch_id, lock=True)
    if not batch.state.is_final:
        batch.state = State.RUNNING
        batch.started_at = batch.started_at or clock.now()
        db.flush()
    return batch


def count_more(
    db: Session, batch: Batch, counted: int, cursor: str | None
) -> tuple[int, str | None]:
    """Return how many answers a batch has to look at, one page further, and where to count on."""
    room = min(COUNTED_PAGE, batch.at_most - counted)
    found = list_interactions(db, _filter_of(batch), _place(room, cursor))
    counted += len(found.items)
    return counted, found.next_cursor if counted < batch.at_most else None


def set_total(db: Session, batch_id: UUID, total: int) -> None:
    """Write down how many answers a batch has to look at."""
    get_batch(db, batch_id, lock=True).total = total
    db.flush()


def read_page(db: Session, batch_id: UUID) -> Page:
    """Return the answers that come next."""
    batch = get_batch(db, batch_id)
    size = PAGE_OF_SLOW if get_verifier(batch.verifier).awaited else PAGE
    size = min(size, batch.at_most - batch.done)
    if batch.wanted is not None:
        found = list_interactions(db, _filter_of(batch), _place(size, batch.cursor))
        ids, cursor = [row["id"] for row in found.items], found.next_cursor
        is_last = cursor is None or batch.done + len(ids) >= batch.at_most
    else:
        given = (batch.given_ids or [])[: batch.at_most]
        ids, cursor = [UUID(each) for each in given[batch.done : batch.done + size]], None
        is_last = batch.done + len(ids) >= len(given)
    subjects = read_subjects(db, ids, with_prompts=bool(batch.per_subject))
    return Page(subjects, cursor, is_last)


def _filter_of(batch: Batch) -> InteractionFilter:
    return InteractionFilter.model_validate(batch.wanted)


def _place(limit: int, cursor: str | None) -> Place:
    return Place(limit, None if cursor is None else decode_cursor(cursor))


async def check_page(threads: Threads, batch: Batch, page: Page) -> list[Checked]:
    """Check the answers of a page, a few at once, in their order."""
    few = asyncio.Semaphore(CHECKS_AT_ONCE)

    async def check(subject: Subject) -> Checked:
        if not subject.answer.strip():
            return Checked(subject, None)
        async with few:
            return Checked(subject, await _verdict(threads, batch, subject))

    async with asyncio.TaskGroup() as group:
        running = [group.create_task(check(subject)) for subject in page.subjects]
    return [task.result() for task in running]


async def _verdict(threads: Threads, batch: Batch, subject: Subject) -> Verdict:
    params = {**batch.params, **dict.fromkeys(batch.per_subject, subject.prompt)}
    try:
        return await verify(batch.verifier, params, Outcome(subject.answer), threads=threads)
    except VerifierParamsWrong as error:  # this answer's own prompt does not do as a parameter
        return Verdict("error", 0.0, error.detail)


def write_page(
    db: Session, clock: Clock, new_id: NewId, batch_id: UUID, page: Page, checked: Sequence[Checked]
) -> Batch:
    """Write what was found of a page, and the end of the batch with its last one."""
    batch = get_batch(db, batch_id, lock=True)
    found = [(each.subject.id, each.verdict) for each in checked if each.verdict is not None]
    wanted = [_create(subject_id, verdict) for subject_id, verdict in found]
    if not batch.dry_run:
        judge = Judge(JudgeKind.VERIFIER, batch.verifier, batch.version, batch.principal_id)
        rows = [draft(judge, each, new_id(), clock.now()) for each in wanted]
        for row in rows:
            row["batch_id"] = batch.id
        add_rows(db, rows)
    _count(batch, wanted, len(checked))
    batch.cursor = page.cursor
    if page.is_last:
        batch.total = batch.done
        end_batch(db, clock, batch, State.SUCCEEDED)
    db.flush()
    return batch


def _create(subject_id: UUID, verdict: Verdict) -> VerdictCreate:
    is_found = verdict.passed is not None
    return VerdictCreate(
        interaction_ids=[subject_id],
        state=verdict.state,
        score=verdict.score if is_found else None,
        reason=_storable(verdict.reason),
    )


def _storable(reason: str) -> str:
    """Return a reason without what cannot be stored: an answer that it quotes may hold anything."""
    whole = reason.replace("\0", " ").encode("utf-8", "replace").decode()
    return whole[:REASON_CHARS]


def _count(batch: Batch, wanted: Sequence[VerdictCreate], looked_at: int) -> None:
    examples: list[dict[str, Any]] = list(batch.examples)
    for each in wanted:
        batch.passed += each.state == "passed"
        batch.failed += each.state == "failed"
        batch.unfound += each.state in ("error", "timeout")
        batch.score_sum += each.score or 0.0
        if sum(1 for one in examples if one["state"] == each.state) < EXAMPLES:
            examples.append(
                {
                    "interaction_id": str(each.interaction_ids[0]),
                    "state": each.state,
                    "score": each.score,
                    "reason": each.reason,
                }
            )
    batch.examples = examples
    batch.done += looked_at
    batch.unanswered += looked_at - len(wanted)
