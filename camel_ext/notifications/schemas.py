"""What the wire accepts and shows of channels, rules, deliveries and the inbox."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from camel_ext.core.models import State, WaitingFor
from camel_ext.core.paging import Place, decode_cursor
from camel_ext.notifications.models import ChannelKind, Digest, Severity

DAY_S = 86_400
MOST_RECIPIENTS = 20


def _storable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("it holds half a character (a lone surrogate)") from None
    return text


Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$", max_length=50)]
EventType = Annotated[str, StringConstraints(pattern=r"^[a-z_]+(\.[a-z_]+){2}$", max_length=80)]
WallTime = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Zone = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_+/-]+$")]
Url = Annotated[str, StringConstraints(min_length=8, max_length=2_000, pattern=r"^[\x21-\x7e]+$")]
Mailbox = Annotated[
    str, StringConstraints(max_length=254, pattern=r"^[A-Za-z0-9._%+'-]+@[A-Za-z0-9.-]+$")
]
Expression = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2_000, pattern=r"^[^\x00]*$"),
    AfterValidator(_storable),
]


class Wire(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Shown(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class WebhookConfig(Wire):
    """A URL that is called with a signed JSON document."""

    kind: Literal["webhook"] = "webhook"
    url: Url = Field(
        description="Where to; its path and query are not shown again.",
        examples=["https://hooks.example.com/camel"],
    )


class EmailConfig(Wire):
    """Mailboxes, through the operator's mail server."""

    kind: Literal["email"] = "email"
    to: list[Mailbox] = Field(
        min_length=1, max_length=MOST_RECIPIENTS, description="Who.", examples=[["ada@example.com"]]
    )


class AppriseConfig(Wire):
    """Whatever Apprise knows; its URL is a secret and lies in the server's environment."""

    kind: Literal["apprise"] = "apprise"
    url_env: Annotated[str, StringConstraints(pattern=r"^APPRISE_[A-Z0-9_]+$", max_length=100)] = (
        Field(
            description="The variable that holds the Apprise URL; its name begins with APPRISE_.",
            examples=["APPRISE_TEAM_CHAT"],
        )
    )


ChannelConfig = Annotated[WebhookConfig | EmailConfig | AppriseConfig, Field(discriminator="kind")]
HOOK: dict[str, Any] = {
    "name": "team-hook",
    "config": {"kind": "webhook", "url": "https://hooks.example.com/camel"},
}
RULE: dict[str, Any] = {
    "name": "failures",
    "event_types": ["workflows.run.finished", "training.training.finished"],
    "condition": "event.data.state == 'failed'",
    "channel": "team-hook",
    "quiet_from": "22:00",
    "quiet_until": "07:00",
    "timezone": "Europe/Berlin",
}


def _without(example: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in example.items() if key != name}


class ChannelChange(Wire):
    """All of a channel but its name; its kind stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [_without(HOOK, "name")]})

    config: ChannelConfig = Field(description="Where to.")
    enabled: bool = Field(True, description="Whether anything is sent by it.")


class ChannelCreate(ChannelChange):
    """A way out of the house."""

    model_config = ConfigDict(json_schema_extra={"examples": [HOOK]})

    name: Name = Field(description="Unique in the project.", examples=["team-hook"])


class ChannelShown(Shown):
    id: UUID = Field(description="Its id.")
    name: str = Field(description="Unique in the project.")
    kind: ChannelKind = Field(description="By what way.")
    target: str = Field(description="Where to, without what could be a secret.")
    enabled: bool = Field(description="Whether anything is sent by it.")
    problem: str | None = Field(description="Why it cannot send as this server is set up.")
    principal_id: UUID = Field(description="Who saved it last.")
    revision: int = Field(description="Its ETag.")
    created_at: datetime = Field(description="When it was made.")
    updated_at: datetime = Field(description="When it was last changed.")


class ChannelMade(ChannelShown):
    secret: str | None = Field(
        None, description="Signs a webhook's messages (whsec_...); shown this once."
    )


class ChannelsShown(BaseModel):
    items: list[ChannelShown] = Field(description="Every channel, by name.")


class RuleChange(Wire):
    """All of a rule: what is left out takes its default."""

    model_config = ConfigDict(json_schema_extra={"examples": [RULE]})

    name: Name = Field(description="Unique in the project.", examples=["failures"])
    event_types: list[EventType] = Field(
        min_length=1,
        max_length=50,
        description="Types of events: GET /api/v1/notifications/events lists them.",
        examples=[["workflows.run.finished"]],
    )
    condition: Expression | None = Field(
        None,
        description="A CEL expression over `event` (type, subject, severity, data); left out: always.",
        examples=["event.data.state == 'failed'"],
    )
    channel: Name | None = Field(None, description="A channel's name; null: the inbox.")
    digest: Digest = Field(Digest.IMMEDIATE, description="At once, or gathered.")
    daily_at: WallTime = Field("08:00", description="When a daily digest goes out.")
    quiet_from: WallTime | None = Field(None, description="From when it is held back.")
    quiet_until: WallTime | None = Field(None, description="When what was held back goes out.")
    timezone: Zone = Field("UTC", description="Whose clocks those are.", examples=["Europe/Berlin"])
    throttle_s: int = Field(
        0, ge=0, le=7 * DAY_S,
        description="At least so long between two messages; what comes meanwhile is gathered.",
    )  # fmt: skip
    enabled: bool = Field(True, description="Whether it notices anything.")

    @model_validator(mode="after")
    def _fits(self) -> "RuleChange":
        if (self.quiet_from is None) != (self.quiet_until is None):
            raise ValueError("quiet hours need both `quiet_from` and `quiet_until`")
        if self.quiet_from is not None and self.quiet_from == self.quiet_until:
            raise ValueError("quiet hours that never end: `quiet_from` is `quiet_until`")
        held = self.digest is not Digest.IMMEDIATE or self.quiet_from or self.throttle_s
        if self.channel is None and held:
            raise ValueError("the inbox disturbs nobody: nothing of it is held back or gathered")
        return self


class RuleShown(Shown):
    id: UUID = Field(description="Its id.")
    name: str = Field(description="Unique in the project.")
    event_types: list[str] = Field(description="Types of events.")
    condition: str | None = Field(description="A CEL expression over `event`.")
    channel: str | None = Field(description="By which channel; null: the inbox.")
    digest: Digest = Field(description="At once, or gathered.")
    daily_at: str = Field(description="When a daily digest goes out.")
    quiet_from: str | None = Field(description="From when it is held back.")
    quiet_until: str | None = Field(description="When what was held back goes out.")
    timezone: str = Field(description="Whose clocks those are.")
    throttle_s: int = Field(description="At least so long between two messages.")
    enabled: bool = Field(description="Whether it notices anything.")
    builtin: bool = Field(description="It came with the house: it can be changed, not deleted.")
    revision: int = Field(description="Its ETag.")
    created_at: datetime | None = Field(description="When it was made; null: built in.")
    updated_at: datetime | None = Field(description="When it was last changed.")


class RulesShown(BaseModel):
    items: list[RuleShown] = Field(description="Every rule, by name.")


class RulePreview(Wire):
    """What a rule would have noticed among the last events."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"event_types": RULE["event_types"], "condition": None}]}
    )

    event_types: list[EventType] = Field(min_length=1, max_length=50, description="Types.")
    condition: Expression | None = Field(None, description="A CEL expression over `event`.")


class NoticedShown(BaseModel):
    """An event that is kept, and what it would be called."""

    type: str = Field(description="Type of the event.")
    title: str = Field(description="One line for people.")
    severity: Severity = Field(description="How it looks.")
    happened_at: datetime = Field(description="When.")


class RulePreviewShown(BaseModel):
    looked_at: int = Field(description="How many of the last events have one of the types.")
    matched: int = Field(description="How many of them the condition holds for.")
    problem: str | None = Field(description="What the condition said where it could not be told.")
    items: list[NoticedShown] = Field(description="The latest of those that match.")


class EventTypeShown(BaseModel):
    """A type of events that rules can ask for."""

    type: str = Field(description="Its dotted name.")
    words: str = Field(description="What it means.")
    fields: list[str] = Field(description="What a condition finds in `event.data`.")


class EventTypesShown(BaseModel):
    items: list[EventTypeShown] = Field(description="Every type, by name.")


class NoticeShown(Shown):
    id: UUID = Field(description="Its id.")
    rule: str = Field(description="Name of the rule that wanted it.")
    type: str = Field(description="Type of the event.")
    subject: str = Field(description="Id of what changed.")
    severity: Severity = Field(description="How it looks.")
    title: str = Field(description="One line for people.")
    detail: str = Field(description="More of it, or nothing.")
    path: str | None = Field(description="Where it is looked at in the web app.")
    read: bool = Field(description="Whether you have read it.")
    happened_at: datetime = Field(description="When the event happened.")
    created_at: datetime = Field(description="When it was written.")


class UnreadShown(BaseModel):
    unread: int = Field(description="How many notices you have not read, counted up to 100.")
    more: bool = Field(description="There are more than that.")


class ReadMark(Wire):
    """Which notices you have read: some, or all there are now."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"all": True}]})

    ids: list[UUID] = Field([], max_length=500, description="These.")
    all: bool = Field(False, description="All that stand in your inbox now.")


class DeliveryQuery(Wire):
    """Which deliveries, and the page that is wanted of them."""

    channel_id: UUID | None = Field(None, description="Only by this channel.")
    state: State | None = Field(None, description="Only in this state.")
    limit: int = Field(50, ge=1, le=500, description="Rows a page.")
    cursor: str | None = Field(None, description="`next_cursor` of the page before.")

    @property
    def place(self) -> Place:
        return Place(self.limit, None if self.cursor is None else decode_cursor(self.cursor))


class InboxQuery(Wire):
    """Which notices of your inbox, and the page that is wanted of them."""

    unread: bool = Field(False, description="Only those you have not read.")
    limit: int = Field(50, ge=1, le=500, description="Rows a page.")
    cursor: str | None = Field(None, description="`next_cursor` of the page before.")

    @property
    def place(self) -> Place:
        return Place(self.limit, None if self.cursor is None else decode_cursor(self.cursor))


class DeliveryShown(Shown):
    id: UUID = Field(description="Its id: a webhook's `webhook-id`.")
    channel_id: UUID = Field(description="By which channel.")
    channel: str = Field(description="Its name, as it was then.")
    kind: ChannelKind = Field(description="By what way.")
    rule_id: UUID | None = Field(description="Whose notices it carries; null: a test.")
    subject: str = Field(description="What it is about.")
    notices: int = Field(description="How many notices it carries.")
    state: State = Field(description="Succeeded: the other side took it.")
    waiting_for: WaitingFor | None = Field(description="`provider`: its next try.")
    due_at: datetime = Field(description="Not sent before this.")
    next_try_at: datetime | None = Field(description="When it is tried again.")
    attempts: int = Field(description="Tries so far.")
    response_code: int | None = Field(description="What the other side last answered.")
    latency_ms: float | None = Field(description="How long its last answer took.")
    error_code: str | None = Field(description="Stable code of its failure.")
    error_detail: str | None = Field(description="What happened.")
    job_id: UUID = Field(description="The job that sends it.")
    created_at: datetime = Field(description="When it was written.")
    finished_at: datetime | None = Field(description="When it was sent, or given up.")
