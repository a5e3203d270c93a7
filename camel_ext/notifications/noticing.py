"""From numbered events to notices: what the leader looks for, and what it writes, in one transaction.

A look reads what came after the cursor and asks the rules; only where one of them wants something is
anything written: fence, cursor, notices, deliveries and jobs stand or fall together, so each event makes
each notice once. What is written is not sent here.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from camel_ext.core import leading
from camel_ext.core.gate import Signals
from camel_ext.core.leading import Deposed, Led
from camel_ext.core.models import FeedHead, OutboxRow, State
from camel_ext.core.outbox import Numbered, publish
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant, system_options
from camel_ext.notifications.deliveries import write_delivery
from camel_ext.notifications.events import NoticeAdded
from camel_ext.notifications.models import Channel, Delivery, EventCursor, Notice, Rule
from camel_ext.notifications.rules import BUILTIN_TYPES, all_rules, as_event, holds
from camel_ext.notifications.timing import due_at, pace_of
from camel_ext.notifications.wording import OURS, words_for
from camel_ext.workflows import ConditionWrong

REASON = "one leader notices the events of all tenants"
LEASE = "notifications"
MOST_EVENTS = 50  # of each organisation that one look takes on: a write of 100 took 80 to 225 ms on busy cores
DEAD_JOB = "jobs.job.died"


@dataclass(frozen=True, slots=True)
class Place:
    """How far an organisation's events are dealt with: as stored (None: never), and as seen since."""

    stored: int | None
    reached: int


@dataclass(frozen=True, slots=True)
class Found:
    """What one look found for an organisation: where it stands then, and what may interest rules."""

    org_id: UUID
    place: Place
    events: tuple[Numbered, ...]
    more: bool


def look(db: Session, known: Mapping[UUID, Place]) -> list[Found]:
    """Return what came after each organisation's place. Across tenants."""
    heads = {row.org_id: row.last_seq for row in db.execute(_HEADS)}
    places = _places(db, known, heads)
    behind = {org_id: place for org_id, place in places.items() if place.reached < heads[org_id]}
    if not behind:
        return []
    wanted = {*BUILTIN_TYPES}
    for types in db.scalars(select(Rule.event_types).where(Rule.enabled)):
        wanted.update(types)
    return [_after(db, org_id, behind[org_id], heads[org_id], wanted) for org_id in sorted(behind)]


_HEADS = select(FeedHead.org_id, FeedHead.last_seq)


def _places(
    db: Session, known: Mapping[UUID, Place], heads: Mapping[UUID, int]
) -> dict[UUID, Place]:
    stored: dict[UUID, int] = {}
    if any(org_id not in known for org_id in heads):
        query = select(EventCursor.org_id, EventCursor.seq)
        stored = {row.org_id: row.seq for row in db.execute(query)}
    return {
        org_id: known.get(org_id) or Place(stored.get(org_id), stored.get(org_id, 0))
        for org_id in heads
    }


def _after(db: Session, org_id: UUID, place: Place, head: int, wanted: set[str]) -> Found:
    query = (
        select(
            OutboxRow.org_id, OutboxRow.project_id, OutboxRow.seq, OutboxRow.type,
            OutboxRow.subject, OutboxRow.payload, OutboxRow.trace_id, OutboxRow.created_at,
        )
        .where(
            OutboxRow.org_id == org_id, OutboxRow.seq > place.reached, OutboxRow.seq <= head,
            OutboxRow.type.in_(wanted),
        )
        .order_by(OutboxRow.seq)
        .limit(MOST_EVENTS)
    )  # fmt: skip
    events = tuple(Numbered(*row) for row in db.execute(query))
    full = len(events) == MOST_EVENTS
    reached = events[-1].seq if full else head
    return Found(org_id, Place(place.stored, reached), events, full)


def wants_any(db: Session, events: Iterable[Numbered]) -> bool:
    """Tell whether a rule of the session's project wants any of these events."""
    rules = _listening(db)
    return any(wants(rule, event) for event in events for rule in rules)


def wants(rule: Rule, event: Numbered) -> bool:
    """Tell whether a rule wants an event; a condition that cannot be told does not hold."""
    if event.type not in rule.event_types or event.created_at < rule.since:
        return False
    if event.type == DEAD_JOB and str(event.payload.get("kind", "")).startswith(OURS):
        return False  # a message that cannot be sent, about one that cannot be sent
    try:
        return holds(rule.condition, as_event(event.type, event.subject, event.payload))
    except ConditionWrong:
        return False


def by_project(events: Iterable[Numbered]) -> dict[Tenant, list[Numbered]]:
    """Return events by whose they are."""
    found: dict[Tenant, list[Numbered]] = defaultdict(list)
    for event in events:
        found[Tenant(event.org_id, event.project_id)].append(event)
    return dict(found)


def write(
    connection: Connection,
    signals: Signals,
    runtime: Runtime,
    led: Led,
    found: Found,
    events: Mapping[Tenant, Sequence[Numbered]],
) -> int:
    """Write what rules want of these events, and move the cursor; return how many notices.

    Raises: Deposed where another process leads by now: nothing is kept.
    """
    leading.check(connection, led)
    move_cursor(connection, found.org_id, found.place)
    count = 0
    for tenant in sorted(events, key=lambda each: each.project_id):
        with runtime.database.session_on(connection, tenant) as session:
            count += _notice(session, runtime, led.fence, events[tenant])
            session.commit()
            signals |= session.info.get("signals", set())
    return count


def move_cursor(connection: Connection, org_id: UUID, place: Place) -> None:
    """Move an organisation's cursor from where this leader knows it. Raises: Deposed."""
    marked = system_options(REASON)
    if place.stored is None:
        row = {"org_id": org_id, "seq": place.reached}
        try:
            with connection.begin_nested():
                connection.execute(insert(EventCursor).execution_options(**marked), [row])
        except IntegrityError as error:
            raise Deposed() from error
        return
    moved = connection.execute(
        update(EventCursor)
        .where(EventCursor.org_id == org_id, EventCursor.seq == place.stored)
        .values(seq=place.reached)
        .execution_options(**marked)
    )
    if moved.rowcount != 1:
        raise Deposed()


def _listening(db: Session) -> list[Rule]:
    return [rule for rule in all_rules(db) if rule.enabled]


def _notice(db: Session, runtime: Runtime, fence: int, events: Sequence[Numbered]) -> int:
    channels = {channel.id: channel for channel in db.scalars(select(Channel))}
    rules = _listening(db)
    now = runtime.database.now(db.connection(), runtime.clock)
    stamp = _after_the_newest(db, now)
    count = 0
    for event in events:
        for rule in rules:
            channel = None if rule.channel_id is None else channels[rule.channel_id]
            if (channel is None or channel.enabled) and wants(rule, event):
                stamp += datetime.resolution
                carrier = (
                    None
                    if channel is None
                    else _carrier(db, runtime, fence, rule, channel, event, now)
                )
                _write_notice(db, runtime, rule, event, carrier, stamp)
                count += 1
    db.flush()
    return count


def _after_the_newest(db: Session, now: datetime) -> datetime:
    """Return now, or later: who has read all up to a time has not read what comes after."""
    newest = db.scalar(select(func.max(Notice.created_at)).where(Notice.in_inbox))
    return now if newest is None else max(now, newest)


def _write_notice(
    db: Session,
    runtime: Runtime,
    rule: Rule,
    event: Numbered,
    delivery: Delivery | None,
    now: datetime,
) -> None:
    words = words_for(event.type, event.subject, event.payload)
    if delivery is not None:
        delivery.notices += 1
        more = delivery.notices - 1
        delivery.subject = words.title if more == 0 else f"{words.title} (and {more} more)"
    notice = Notice(
        id=runtime.new_id(),
        rule_id=rule.id,
        rule=rule.name,
        seq=event.seq,
        type=event.type,
        subject=event.subject,
        payload=event.payload,
        severity=words.severity,
        title=words.title,
        detail=words.detail,
        path=words.path,
        in_inbox=delivery is None,
        delivery_id=None if delivery is None else delivery.id,
        happened_at=event.created_at,
        created_at=now,
    )
    db.add(notice)
    if delivery is None:
        told = NoticeAdded(str(notice.id), words.severity.value, words.title, words.path, None)
        publish(db, runtime.clock, told)


def _carrier(
    db: Session,
    runtime: Runtime,
    fence: int,
    rule: Rule,
    channel: Channel,
    event: Numbered,
    now: datetime,
) -> Delivery:
    """Return the delivery that gathers for later, or a new one that is due when the rule says."""
    pace = pace_of(rule)
    last = None
    if pace.throttle:
        out = select(func.max(Delivery.due_at))
        last = db.scalar(out.where(Delivery.rule_id == rule.id, Delivery.due_at <= now))
    due = due_at(pace, now, last)
    if due > now:
        gathering = (
            select(Delivery)
            .where(
                Delivery.rule_id == rule.id, Delivery.due_at > now,
                Delivery.state == State.QUEUED, Delivery.channel_id == channel.id,
            )
            .order_by(Delivery.due_at)
            .limit(1)
            .with_for_update()
        )  # fmt: skip
        found = db.scalar(gathering)
        if found is not None:
            return found
    return write_delivery(db, runtime, channel, rule, str(event.seq), due, fence)
