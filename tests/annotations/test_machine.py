"""Random judging, withdrawing, batches, undoing and reservations, compared with a model in plain Python.

After each operation what counts, and who has which item, must be what the model says; what is refused
must be refused for the model's reason.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import select
from sqlalchemy.orm import Session

from camel_ext.annotations import (
    BatchStart,
    Judge,
    JudgeKind,
    ThumbsCreate,
    annotate,
    read_current,
    start_batch,
    verifier_version,
    withdraw,
)
from camel_ext.annotations.batches import get_batch, undo_some
from camel_ext.annotations.errors import (
    ItemDone,
    ItemTaken,
    JudgementInvalid,
    NotYours,
    ReservationExpired,
    Superseded,
)
from camel_ext.annotations.models import QueueItem
from camel_ext.annotations.queues import make_queue
from camel_ext.annotations.reservations import next_item, release_item, reserve_item
from camel_ext.annotations.schemas_queues import QueueCreate
from camel_ext.annotations.subjects import Subject
from camel_ext.annotations.verifying import Checked, Page, begin, write_page
from camel_ext.core.database import Database
from camel_ext.core.errors import CamelExtError
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.verifiers import Verdict
from tests.fakes.clock import FakeClock
from tests.fakes.threads import InlineThreads
from tests.interactions.calls import MODEL, answer, asker, prompt, recorder, user

PEOPLE = [UUID(int=41), UUID(int=42), UUID(int=43)]
KEEP_S = 60
Stance = tuple[Any, UUID]
some = st.integers(0, 1_000)
person = st.sampled_from(PEOPLE)


@dataclass
class Note:
    """What we believe of a judgement."""

    id: UUID
    stance: Stance
    writer: UUID
    batch: UUID | None = None
    item: "Item | None" = None
    withdrawn: bool = False


@dataclass
class Item:
    """What we believe of an item."""

    id: UUID
    subject: UUID
    subject_set: int
    place: int
    by: UUID | None = None
    until: datetime | None = None
    done_by: UUID | None = None
    note: UUID | None = None


class JudgingMachine(RuleBasedStateMachine):
    """Each rule does one thing for real and in the model; `database` is set by the test."""

    database: Database

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.runtime = Runtime(self.database, self.clock, Random(len(_TENANTS)), InlineThreads())
        self.tenant = Tenant(UUID(int=1), UUID(int=len(_TENANTS) + 1))
        _TENANTS.append(self.tenant)
        self.answers = [self._record() for _ in range(3)]
        self.notes: list[Note] = []
        self.batches: list[UUID] = []
        self.queue_id = self._queue()
        rows = self.session(lambda db: list(db.scalars(select(QueueItem))))
        self.items = [
            Item(row.id, UUID(row.interaction_ids[0]), row.subject_set, row.place)
            for row in sorted(rows, key=lambda row: row.place)
        ]

    def session(self, fn: Any, *args: Any) -> Any:
        with (
            self.database.begin(self.tenant) as connection,
            self.database.session_on(connection, self.tenant) as db,
        ):
            result = fn(db, *args)
            db.commit()
            return result

    def _record(self) -> UUID:
        log = recorder(self.runtime)
        said = log.record(asker(self.tenant), MODEL, prompt([user("hi")]), answer("yes"))
        with self.database.begin("test") as connection:
            for statement, row in said.entries:
                connection.execute(statement, [row])
        return said.id

    def _queue(self) -> UUID:
        wanted = QueueCreate(
            name="tone",
            kind="thumbs",
            sets=[[each] for each in self.answers],
            annotators=2,
            reservation_s=KEEP_S,
        )

        def make(db: Session) -> UUID:
            new_id = self.runtime.new_id
            return make_queue(db, self.clock, new_id, PEOPLE[0], wanted, wanted.sets or []).queue.id

        made: UUID = self.session(make)
        return made

    def counting(self, stance: Stance) -> Note | None:
        return next(
            (n for n in reversed(self.notes) if n.stance == stance and not n.withdrawn), None
        )

    def refused(self, error: type[CamelExtError] | None, fn: Any) -> Any:
        """Do it; it must be refused for that reason, or not at all."""
        if error is None:
            return self.session(fn)
        with pytest.raises(error):
            self.session(fn)
        return None

    # --- judging ---

    @rule(who=person, which=some, up=st.booleans(), meant=st.none() | some)
    def judge(self, who: UUID, which: int, up: bool, meant: int | None) -> None:
        subject = self.answers[which % len(self.answers)]
        named = None if meant is None or not self.notes else self.notes[meant % len(self.notes)]
        stance = (who, subject)
        error: type[CamelExtError] | None = None
        if named is not None and named.stance != stance:
            error = JudgementInvalid
        elif named is not None and self.counting(stance) is not named:
            error = Superseded
        made = self._annotate(who, subject, up, error, supersedes_id=named and named.id)
        if made is not None:
            self.notes.append(Note(made.id, stance, who))

    def _annotate(
        self, who: UUID, subject: UUID, up: bool, error: type[CamelExtError] | None, **more: Any
    ) -> Any:
        wanted = ThumbsCreate(interaction_ids=[subject], up=up, **more)
        before = self.counting((who, subject))

        def write(db: Session) -> Any:
            judge = Judge(JudgeKind.PERSON, "somebody", None, who)
            return annotate(db, self.clock, self.runtime.new_id, judge, wanted)

        made = self.refused(error, write)
        if made is not None:
            assert made.supersedes_id == (before and before.id)
        return made

    @rule(who=person, which=some, as_owner=st.booleans())
    def take_back(self, who: UUID, which: int, as_owner: bool) -> None:
        if not self.notes:
            return
        note = self.notes[which % len(self.notes)]
        error: type[CamelExtError] | None = None
        if note.writer != who and not as_owner:
            error = NotYours
        elif not note.withdrawn and self.counting(note.stance) is not note:
            error = Superseded

        def take(db: Session) -> Any:
            return withdraw(db, self.clock, who, note.id, as_owner=as_owner)

        self.refused(error, take)
        if error is None and not note.withdrawn:
            for each in self.notes[: self.notes.index(note) + 1]:
                if each.stance == note.stance and not each.withdrawn:
                    each.withdrawn = True
                    if each.item is not None and each.item.note == each.id:
                        each.item.done_by = each.item.note = None

    @rule(chosen=st.sets(st.integers(0, 2), min_size=1))
    def verify(self, chosen: set[int]) -> None:
        subjects = [self.answers[number] for number in sorted(chosen)]

        def write(db: Session) -> list[tuple[UUID, UUID, UUID]]:
            start = BatchStart(verifier="length", interaction_ids=subjects)
            batch = start_batch(db, self.clock, self.runtime.new_id, PEOPLE[0], start)
            begin(db, self.clock, batch.id)
            checked = [
                Checked(Subject(each, "yes", ""), Verdict("passed", 1.0, "")) for each in subjects
            ]
            page = Page([each.subject for each in checked], None, is_last=True)
            write_page(db, self.clock, self.runtime.new_id, batch.id, page, checked)
            found = read_current(db, subjects)
            made = {each.id: each for one in found.values() for each in one}
            return [
                (batch.id, each.id, each.interaction_ids[0])
                for each in made.values()
                if each.judge_kind == JudgeKind.VERIFIER
            ]

        version = verifier_version("length", {})
        for batch_id, note_id, subject in self.session(write):
            self.notes.append(Note(note_id, (version, subject), PEOPLE[0], batch=batch_id))
            if batch_id not in self.batches:
                self.batches.append(batch_id)

    @rule(which=some)
    def undo(self, which: int) -> None:
        if not self.batches:
            return
        batch_id = self.batches[which % len(self.batches)]

        def write(db: Session) -> int:
            before = get_batch(db, batch_id).undone
            return undo_some(db, self.clock, PEOPLE[1], batch_id).undone - before

        theirs = [n for n in self.notes if n.batch == batch_id and not n.withdrawn]
        assert self.session(write) == len(theirs)
        for note in theirs:
            note.withdrawn = True

    # --- reservations ---

    def is_kept(self, item: Item) -> bool:
        return item.until is not None and item.until > self.clock.now()

    def judged(self, who: UUID, item: Item) -> bool:
        return any(i.subject_set == item.subject_set and i.done_by == who for i in self.items)

    def unfree(self, who: UUID, item: Item) -> type[CamelExtError] | None:
        """Why this one may not have an item."""
        if item.done_by is not None:
            return ItemDone
        if item.by != who and self.is_kept(item):
            return ItemTaken
        return ItemDone if self.judged(who, item) else None

    def keep(self, who: UUID, item: Item) -> None:
        item.by, item.until = who, self.clock.now() + timedelta(seconds=KEEP_S)

    @rule(who=person)
    def take_next(self, who: UUID) -> None:
        waiting = sorted(
            (i for i in self.items if i.done_by is None), key=lambda i: (i.place, i.id)
        )
        mine = [i for i in waiting if i.by == who and self.is_kept(i)]
        free = [i for i in waiting if not self.is_kept(i) and not self.judged(who, i)]
        expected = next(iter(mine + free), None)
        item = self.session(next_item, self.clock, who, self.queue_id)
        assert (item and item.id) == (expected and expected.id)
        if expected is not None:
            self.keep(who, expected)

    @rule(who=person, which=some)
    def reserve(self, who: UUID, which: int) -> None:
        item = self.items[which % len(self.items)]
        error = self.unfree(who, item)
        self.refused(error, lambda db: reserve_item(db, self.clock, who, item.id))
        if error is None:
            self.keep(who, item)

    @rule(who=person, which=some, skip=st.booleans())
    def release(self, who: UUID, which: int, skip: bool) -> None:
        item = self.items[which % len(self.items)]
        error = self.unfree(who, item)
        self.refused(error, lambda db: release_item(db, self.clock, who, item.id, skip=skip))
        if error is None:
            item.by = item.until = None
            if skip:
                item.place = max(each.place for each in self.items) + 1

    @rule(who=person, which=some, up=st.booleans())
    def answer(self, who: UUID, which: int, up: bool) -> None:
        mine = [i for i in self.items if i.by == who and i.done_by is None]
        pool = mine or self.items  # mostly what one holds, or held
        item = pool[which % len(pool)]
        error = self.unfree(who, item)
        if error is None and not (item.by == who and self.is_kept(item)):
            error = ReservationExpired
        made = self._annotate(who, item.subject, up, error, queue_item_id=item.id)
        if made is not None:
            self.notes.append(Note(made.id, (who, item.subject), who, item=item))
            item.done_by, item.note, item.by, item.until = who, made.id, None, None

    @rule(seconds=st.sampled_from([1, 20, KEEP_S]))
    def advance(self, seconds: int) -> None:
        self.clock.advance(seconds)

    # --- what must hold ---

    @invariant()
    def what_counts_is_what_we_believe(self) -> None:
        found = self.session(read_current, self.answers)
        for subject in self.answers:
            real = [each.id for each in found.get(subject, [])]
            stances = {note.stance for note in self.notes if note.stance[1] == subject}
            believed = {note.id for s in stances if (note := self.counting(s)) is not None}
            assert len(real) == len(set(real))
            assert set(real) == believed

    @invariant()
    def items_are_where_we_believe(self) -> None:
        rows = {r.id: r for r in self.session(lambda db: list(db.scalars(select(QueueItem))))}
        for item in self.items:
            row = rows[item.id]
            assert (row.done_by_id, row.annotation_id, row.place) == (
                item.done_by, item.note, item.place,
            )  # fmt: skip
            if item.done_by is None:
                assert (row.reserved_by_id, row.reserved_until) == (item.by, item.until)


_TENANTS: list[Tenant] = []  # each history has a tenant of its own, in one database


def _run(database: Database, examples: int, steps: int) -> None:
    JudgingMachine.database = database
    run_state_machine_as_test(
        JudgingMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
        ),
    )


def test_a_few_histories_on_sqlite(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    _run(database, 5, 25)
    database.close()


@pytest.mark.slow
def test_judging_and_reservations_agree_with_the_model(database_url: str) -> None:
    database = Database(database_url)
    _run(database, 60 if database.is_sqlite else 25, 50)
    database.close()
