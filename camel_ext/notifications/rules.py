"""Rules: which events are told, by which channel, and when; the one that is built in; what they match.

What is noticed because of them is `noticing`'s.
"""

from dataclasses import fields
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from camel_ext.core.door import TenantDoor, check_revision
from camel_ext.core.models import EPOCH, OutboxRow
from camel_ext.core.outbox import EVENT_TYPES
from camel_ext.core.tenancy import current_tenant
from camel_ext.notifications.channels import find_channel
from camel_ext.notifications.errors import (
    RuleBuiltIn,
    RuleInvalid,
    RuleNameTaken,
    RuleUnknown,
    TooMany,
)
from camel_ext.notifications.models import Channel, Digest, Rule
from camel_ext.notifications.schemas import (
    EventTypeShown,
    NoticedShown,
    RuleChange,
    RulePreview,
    RulePreviewShown,
    RuleShown,
)
from camel_ext.notifications.timing import zone_of
from camel_ext.notifications.wording import noticeable, words_for
from camel_ext.workflows import ConditionWrong, compile_condition, is_true

Json = dict[str, Any]
MOST_RULES = 200
LOOKED_AT = 500  # events of a preview
SHOWN = 10
BUILTIN = "needs-you"
BUILTIN_TYPES = (
    "workflows.run.waiting",
    "workflows.run.finished",
    "experiments.improvement.waiting",
    "experiments.improvement.finished",
    "experiments.certificate.issued",
    "training.training.finished",
    "evaluation.evaluation.finished",
    "scheduling.firing.ended",
    "jobs.job.died",
)
BUILTIN_CONDITION = (
    "event.severity in ['attention', 'failure']"
    " || event.type.startsWith('training.')"
    " || event.type.startsWith('evaluation.')"
    " || event.type.startsWith('experiments.')"
)


def builtin_id(project_id: UUID) -> UUID:
    """Return the id of a project's built-in rule."""
    return uuid5(project_id, BUILTIN)


def builtin_rule(db: Session) -> Rule:
    """Return the rule that a project has before anybody sets one up: what waits, fails, or is proven."""
    return Rule(
        id=builtin_id(current_tenant(db).project_id),
        name=BUILTIN,
        event_types=list(BUILTIN_TYPES),
        condition=BUILTIN_CONDITION,
        channel_id=None,
        digest=Digest.IMMEDIATE,
        daily_at="08:00",
        quiet_from=None,
        quiet_until=None,
        timezone="UTC",
        throttle_s=0,
        enabled=True,
        since=EPOCH,
        principal_id=None,
        revision=0,
        created_at=None,
        updated_at=None,
    )


def all_rules(db: Session) -> list[Rule]:
    """Return every rule of the project, by name, with the built-in one as somebody changed it."""
    stored = list(db.scalars(select(Rule)))
    mine = builtin_id(current_tenant(db).project_id)
    if all(rule.id != mine for rule in stored):
        stored.append(builtin_rule(db))
    return sorted(stored, key=lambda rule: rule.name)


def create_rule(db: Session, door: TenantDoor, wanted: RuleChange) -> Rule:
    """Make a rule; it notices what happens from now on.

    Raises: RuleNameTaken, RuleInvalid, ChannelUnknown, TooMany.
    """
    if (db.scalar(select(func.count()).select_from(Rule)) or 0) >= MOST_RULES:
        raise TooMany(f"a project has at most {MOST_RULES} rules: delete some first")
    rule = Rule(id=door.runtime.new_id(), revision=0, created_at=door.runtime.clock.now())
    _fill(db, door, rule, wanted)
    return rule


def change_rule(
    db: Session, door: TenantDoor, rule_id: UUID, revision: int, wanted: RuleChange
) -> Rule:
    """Replace all of a rule.

    Raises: RuleUnknown, PreconditionFailed, and what making one raises.
    """
    rule = get_rule(db, rule_id, lock=True)
    check_revision(rule.revision, revision)
    if rule.created_at is None:
        rule.created_at = door.runtime.clock.now()
    _fill(db, door, rule, wanted)
    return rule


def _fill(db: Session, door: TenantDoor, rule: Rule, wanted: RuleChange) -> None:
    builtin = builtin_id(current_tenant(db).project_id)
    if (wanted.name == BUILTIN) != (rule.id == builtin):
        raise RuleNameTaken(f"{BUILTIN} is the name of the rule that is built in, and it keeps it")
    check_types(wanted.event_types)
    if wanted.condition is not None:
        check_condition(wanted.condition)
    zone_of(wanted.timezone)
    same = ("event_types", "condition", "digest", "daily_at", "quiet_from", "quiet_until",
            "timezone", "throttle_s")  # fmt: skip
    now = door.runtime.clock.now()
    if wanted.enabled and not rule.enabled:
        rule.since = now  # what happened while it was off is not made up for
    with db.no_autoflush:
        channel_id = None if wanted.channel is None else find_channel(db, wanted.channel).id
    for name in same:
        setattr(rule, name, getattr(wanted, name))
    rule.name, rule.channel_id, rule.enabled = wanted.name, channel_id, wanted.enabled
    rule.since = rule.since or now
    rule.principal_id, rule.updated_at = door.principal_id, now
    rule.revision += 1
    try:
        with db.begin_nested():
            db.add(rule)
            db.flush()
    except IntegrityError as error:
        raise RuleNameTaken(f"there is a rule {wanted.name!r} already") from error


def delete_rule(db: Session, rule_id: UUID, revision: int) -> Rule:
    """Delete a rule; what it noticed stays.

    Raises: RuleUnknown, PreconditionFailed, RuleBuiltIn.
    """
    rule = get_rule(db, rule_id, lock=True)
    check_revision(rule.revision, revision)
    if rule.name == BUILTIN:
        raise RuleBuiltIn()
    db.delete(rule)
    db.flush()
    return rule


def get_rule(db: Session, rule_id: UUID, *, lock: bool = False) -> Rule:
    """Return a rule. Raises: RuleUnknown."""
    rule = db.get(Rule, rule_id, with_for_update=lock or None, populate_existing=lock)
    if rule is None and rule_id == builtin_id(current_tenant(db).project_id):
        return builtin_rule(db)
    if rule is None:
        raise RuleUnknown(f"there is no rule {rule_id} in this project")
    return rule


def check_types(types: list[str]) -> None:
    """Refuse types of events that there are none of, or too many. Raises: RuleInvalid."""
    known = noticeable()
    for name in types:
        if name not in known:
            raise RuleInvalid(f"no rule can ask for {name!r}; there are: {', '.join(known)}")


def check_condition(source: str) -> None:
    """Refuse an expression that cannot be read, or that asks for something else than the event.

    Raises: RuleInvalid.
    """
    try:
        compiled = compile_condition(source)
    except ConditionWrong as error:
        raise RuleInvalid(f"condition: {error.detail}") from error
    strange = sorted({str(each.chain[0]) for each in compiled.references} - {"event"})
    if strange:
        raise RuleInvalid(f"condition: `{strange[0]}` is not defined here, only `event` is")


def holds(condition: str | None, event: Json) -> bool:
    """Tell whether a condition holds for an event. Raises: ConditionWrong where it cannot be told."""
    return condition is None or is_true(condition, {"event": event})


def as_event(event_type: str, subject: str, payload: Json) -> Json:
    """Return an event as conditions see it."""
    severity = words_for(event_type, subject, payload).severity
    return {
        "type": event_type,
        "subject": subject,
        "severity": severity.value,
        "data": payload,
    }


def preview(db: Session, wanted: RulePreview) -> RulePreviewShown:
    """Return what a rule would have noticed among the last events; nothing is saved.

    Raises: RuleInvalid.
    """
    check_types(wanted.event_types)
    if wanted.condition is not None:
        check_condition(wanted.condition)
    query = select(OutboxRow).where(
        OutboxRow.seq.is_not(None), OutboxRow.type.in_(wanted.event_types)
    )
    rows = list(db.scalars(query.order_by(OutboxRow.seq.desc()).limit(LOOKED_AT)))
    found, problem = [], None
    for row in rows:
        try:
            matches = holds(wanted.condition, as_event(row.type, row.subject, row.payload))
        except ConditionWrong as error:
            problem, matches = problem or f"{row.type}: {error.detail}", False
        if matches:
            found.append(row)
    items = []
    for row in found[:SHOWN]:
        words = words_for(row.type, row.subject, row.payload)
        items.append(
            NoticedShown(
                type=row.type, title=words.title, severity=words.severity,
                happened_at=row.created_at,
            )
        )  # fmt: skip
    return RulePreviewShown(looked_at=len(rows), matched=len(found), problem=problem, items=items)


def event_types() -> list[EventTypeShown]:
    """Return what rules can ask for."""
    shown = []
    for name in noticeable():
        cls = EVENT_TYPES[name]
        names = [field.name for field in fields(cls) if field.name != "subject"]
        words = next(iter((cls.__doc__ or "").strip().splitlines()), "")
        told = "" if words.startswith(f"{cls.__name__}(") else words
        shown.append(EventTypeShown(type=name, words=told, fields=names))
    return shown


def shown(rule: Rule, channels: dict[UUID, str]) -> RuleShown:
    """Return a rule as the wire shows it."""
    columns = {
        name: getattr(rule, name)
        for name in RuleShown.model_fields
        if name not in ("channel", "builtin")
    }
    channel = None if rule.channel_id is None else channels[rule.channel_id]
    return RuleShown(**columns, channel=channel, builtin=rule.name == BUILTIN)


def channel_names(db: Session) -> dict[UUID, str]:
    """Return the names of the project's channels."""
    return {row.id: row.name for row in db.execute(select(Channel.id, Channel.name))}
