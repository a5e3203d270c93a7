"""Tables of notifications: channels, rules, what was noticed, its deliveries, and who read it.

A notice is one event that one rule wanted: (rule, event) is unique, whatever the leader believes. What
leaves the house leaves by a delivery, which carries one notice or gathers several.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, String, column
from sqlalchemy.orm import Mapped, mapped_column

from camel_ext.core.models import Base, OrgScoped, State, Tenanted, WaitingFor, system_index


class ChannelKind(StrEnum):
    """By what way a channel reaches people."""

    WEBHOOK = "webhook"
    EMAIL = "email"
    APPRISE = "apprise"


class Digest(StrEnum):
    """When what a rule noticed is sent."""

    IMMEDIATE = "immediate"
    HOURLY = "hourly"
    DAILY = "daily"


class Severity(StrEnum):
    """How a notice looks, and what may be filtered by."""

    INFO = "info"
    SUCCESS = "success"
    ATTENTION = "attention"
    FAILURE = "failure"


class Channel(Tenanted, Base):
    """A way out of the house. The inbox needs none."""

    __tablename__ = "notification_channels"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), doc="Unique in the project.")
    kind: Mapped[ChannelKind] = mapped_column(doc="By what way.")
    config: Mapped[dict[str, Any]] = mapped_column(doc="Where to, as `schemas` says; never shown.")
    enabled: Mapped[bool] = mapped_column(doc="Whether anything is sent by it.")
    secret: Mapped[str | None] = mapped_column(String(120), doc="Signs webhooks; shown once.")
    old_secret: Mapped[str | None] = mapped_column(String(120), doc="Signs too, for a while.")
    old_until: Mapped[datetime | None] = mapped_column(doc="How long the old one still signs.")
    principal_id: Mapped[UUID] = mapped_column(doc="Who saved it last.")
    revision: Mapped[int] = mapped_column(doc="Raised by each change; the ETag.")
    created_at: Mapped[datetime] = mapped_column(doc="When it was made.")
    updated_at: Mapped[datetime] = mapped_column(doc="When it was last changed.")

    __table_args__ = (
        Index("uq_notification_channels_name", "org_id", "project_id", "name", unique=True),
    )


class Rule(Tenanted, Base):
    """Which events are told, by which channel, and when."""

    __tablename__ = "notification_rules"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), doc="Unique in the project.")
    event_types: Mapped[list[Any]] = mapped_column(doc="Types of events, dotted.")
    condition: Mapped[str | None] = mapped_column(doc="A CEL expression over `event`.")
    channel_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("notification_channels.id"), doc="By which channel; null: the inbox."
    )
    digest: Mapped[Digest] = mapped_column(doc="When it is sent.")
    daily_at: Mapped[str] = mapped_column(String(5), doc="HH:MM of a daily digest.")
    quiet_from: Mapped[str | None] = mapped_column(String(5), doc="HH:MM; null: never quiet.")
    quiet_until: Mapped[str | None] = mapped_column(String(5), doc="HH:MM of its end.")
    timezone: Mapped[str] = mapped_column(String(64), doc="Whose clocks those are.")
    throttle_s: Mapped[int] = mapped_column(doc="At least so long between two deliveries.")
    enabled: Mapped[bool] = mapped_column(doc="Whether it notices anything.")
    since: Mapped[datetime] = mapped_column(doc="It notices nothing that happened before.")
    principal_id: Mapped[UUID | None] = mapped_column(doc="Who saved it last; null: built in.")
    revision: Mapped[int] = mapped_column(doc="Raised by each change; the ETag.")
    created_at: Mapped[datetime] = mapped_column(doc="When it was made.")
    updated_at: Mapped[datetime] = mapped_column(doc="When it was last changed.")

    __table_args__ = (
        Index("uq_notification_rules_name", "org_id", "project_id", "name", unique=True),
        Index("ix_notification_rules_channel", "org_id", "project_id", "channel_id"),
    )


class Delivery(Tenanted, Base):
    """One message by one channel: the delivery log."""

    __tablename__ = "notification_deliveries"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    channel_id: Mapped[UUID] = mapped_column(doc="By which channel, which may be gone by now.")
    channel: Mapped[str] = mapped_column(String(64), doc="Its name, as it was then.")
    kind: Mapped[ChannelKind] = mapped_column(doc="By what way.")
    rule_id: Mapped[UUID | None] = mapped_column(doc="Whose notices it carries; null: a test.")
    bucket: Mapped[str] = mapped_column(String(40), doc="The event, or the time it gathers for.")
    subject: Mapped[str] = mapped_column(doc="What it is about, for people.")
    notices: Mapped[int] = mapped_column(doc="How many it carries.")
    state: Mapped[State] = mapped_column(doc="Succeeded: the other side took it.")
    waiting_for: Mapped[WaitingFor | None] = mapped_column(doc="`provider`: its next try.")
    due_at: Mapped[datetime] = mapped_column(doc="Not sent before this.")
    next_try_at: Mapped[datetime | None] = mapped_column(doc="When it is tried again.")
    attempts: Mapped[int] = mapped_column(doc="Tries so far.")
    response_code: Mapped[int | None] = mapped_column(doc="What the other side last answered.")
    latency_ms: Mapped[float | None] = mapped_column(doc="How long its last answer took.")
    error_code: Mapped[str | None] = mapped_column(String(120), doc="Stable code of its failure.")
    error_detail: Mapped[str | None] = mapped_column(doc="What happened, for a person.")
    job_id: Mapped[UUID] = mapped_column(doc="The job that sends it.")
    fence: Mapped[int] = mapped_column(doc="Of the leader that wrote it; 0: a person did.")
    created_at: Mapped[datetime] = mapped_column(doc="When it was written.")
    finished_at: Mapped[datetime | None] = mapped_column(doc="When it was sent, or given up.")

    __table_args__ = (
        Index(
            "uq_notification_deliveries_bucket",
            "org_id", "project_id", "rule_id", "bucket",
            unique=True,
        ),
        Index("ix_notification_deliveries_created", "org_id", "project_id", "created_at", "id"),
        Index("ix_notification_deliveries_due", "org_id", "project_id", "rule_id", "due_at"),
        system_index("ix_notification_deliveries_age", "created_at"),
    )  # fmt: skip


class Notice(Tenanted, Base):
    """One event that one rule wanted, in words."""

    __tablename__ = "notification_notices"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    rule_id: Mapped[UUID] = mapped_column(doc="Which rule wanted it, which may be gone by now.")
    rule: Mapped[str] = mapped_column(String(64), doc="Its name, as it was then.")
    seq: Mapped[int] = mapped_column(BigInteger, doc="The event's place in the feed.")
    type: Mapped[str] = mapped_column(String(80), doc="Type of the event.")
    subject: Mapped[str] = mapped_column(String(120), doc="Id of what changed.")
    payload: Mapped[dict[str, Any]] = mapped_column(doc="What the event said.")
    severity: Mapped[Severity] = mapped_column(doc="How it looks.")
    title: Mapped[str] = mapped_column(doc="One line for people.")
    detail: Mapped[str] = mapped_column(doc="More of it, or nothing.")
    path: Mapped[str | None] = mapped_column(doc="Where it is looked at in the web app.")
    in_inbox: Mapped[bool] = mapped_column(doc="Whether it stands in inboxes.")
    principal_id: Mapped[UUID | None] = mapped_column(doc="In whose; null: in everybody's.")
    delivery_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("notification_deliveries.id"), doc="What carries it; null: the inbox does."
    )
    happened_at: Mapped[datetime] = mapped_column(doc="When the event happened.")
    created_at: Mapped[datetime] = mapped_column(doc="When it was written.")

    __table_args__ = (
        Index("uq_notification_notices_event", "org_id", "project_id", "rule_id", "seq", unique=True),
        Index("ix_notification_notices_delivery", "org_id", "project_id", "delivery_id"),
        Index(
            "ix_notification_notices_inbox",
            "org_id", "project_id", "created_at", "id",
            sqlite_where=column("in_inbox"),
            postgresql_where=column("in_inbox"),
        ),
        system_index("ix_notification_notices_age", "created_at"),
    )  # fmt: skip


class ReadUpTo(Tenanted, Base):
    """Up to when somebody has read all of the inbox."""

    __tablename__ = "inbox_marks"

    org_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-20)
    project_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-19)
    principal_id: Mapped[UUID] = mapped_column(primary_key=True, doc="Who.")
    read_at: Mapped[datetime] = mapped_column(doc="Written up to this, it is read.")


class ReadOne(Tenanted, Base):
    """A single notice that somebody has read, newer than the mark."""

    __tablename__ = "inbox_reads"

    org_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-20)
    project_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-19)
    principal_id: Mapped[UUID] = mapped_column(primary_key=True, doc="Who.")
    notice_id: Mapped[UUID] = mapped_column(
        ForeignKey("notification_notices.id", ondelete="CASCADE"), primary_key=True, doc="What."
    )

    __table_args__ = (system_index("ix_inbox_reads_notice", "notice_id"),)


class EventCursor(OrgScoped, Base):
    """Up to which event of an organisation its rules have been asked."""

    __tablename__ = "notification_cursors"

    org_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-20)
    seq: Mapped[int] = mapped_column(BigInteger, doc="Every event up to this is dealt with.")
