"""Routes of notifications: the inbox, channels and rules, and the delivery log.

Shapes of answers are below; they are plain dicts. A newer server may send more than stands here.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NotRequired, TypedDict, cast

from camel_ext_client.pages import each
from camel_ext_client.shapes import Page, State
from camel_ext_client.transport import Json, Transport

PATH = "/api/v1/notifications"
Kind = Literal["webhook", "email", "apprise"]
Digest = Literal["immediate", "hourly", "daily"]
Severity = Literal["info", "success", "attention", "failure"]


class Channel(TypedDict):
    """A way out of the house; `secret` is there in the answer that made it, and in no other."""

    id: str
    name: str
    kind: Kind
    target: str
    enabled: bool
    problem: str | None
    principal_id: str
    revision: int
    created_at: str
    updated_at: str
    secret: NotRequired[str | None]


class Rule(TypedDict):
    """Which events are told, by which channel, and when."""

    id: str
    name: str
    event_types: list[str]
    condition: str | None
    channel: str | None
    digest: Digest
    daily_at: str
    quiet_from: str | None
    quiet_until: str | None
    timezone: str
    throttle_s: int
    enabled: bool
    builtin: bool
    revision: int
    created_at: str | None
    updated_at: str | None


class EventType(TypedDict):
    """A type of events that rules can ask for."""

    type: str
    words: str
    fields: list[str]


class Noticed(TypedDict):
    """An event that a rule would have noticed."""

    type: str
    title: str
    severity: Severity
    happened_at: str


class RulePreview(TypedDict):
    """What a rule would have noticed among the last events."""

    looked_at: int
    matched: int
    problem: str | None
    items: list[Noticed]


class Notice(TypedDict):
    """An event in your inbox, in words."""

    id: str
    rule: str
    type: str
    subject: str
    severity: Severity
    title: str
    detail: str
    path: str | None
    read: bool
    happened_at: str
    created_at: str


class Unread(TypedDict):
    """How many notices you have not read, counted up to 100."""

    unread: int
    more: bool


class Delivery(TypedDict):
    """One message by one channel."""

    id: str
    channel_id: str
    channel: str
    kind: Kind
    rule_id: str | None
    subject: str
    notices: int
    state: State
    waiting_for: str | None
    due_at: str
    next_try_at: str | None
    attempts: int
    response_code: int | None
    latency_ms: float | None
    error_code: str | None
    error_detail: str | None
    job_id: str
    created_at: str
    finished_at: str | None


class Notifications:
    """`client.notifications`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def inbox(
        self, *, unread: bool = False, limit: int = 50, cursor: str | None = None
    ) -> Page[Notice]:
        """Return a page of your inbox, newest first."""
        wanted: Json = {"unread": "true"} if unread else {}
        found = self._transport.get(f"{PATH}/inbox", limit=limit, cursor=cursor, **wanted)
        return cast(Page[Notice], found)

    def each_notice(self, *, unread: bool = False) -> Iterator[Notice]:
        """Yield all of your inbox, newest first."""
        return each(lambda at: self.inbox(unread=unread, limit=200, cursor=at))

    def unread(self) -> Unread:
        """Return how many notices you have not read."""
        return cast(Unread, self._transport.get(f"{PATH}/inbox/unread"))

    def mark_read(self, ids: Sequence[str] | None = None) -> Unread:
        """Say which notices you have read; without ids all that stand in your inbox now."""
        body: Json = {"all": True} if ids is None else {"ids": list(ids)}
        return cast(Unread, self._transport.send("POST", f"{PATH}/inbox/read", body=body))

    def event_types(self) -> list[EventType]:
        """Return the types of events that rules can ask for."""
        return cast(list[EventType], self._transport.get(f"{PATH}/events")["items"])

    def create_channel(
        self, name: str, config: Mapping[str, Any], *, enabled: bool = True
    ) -> Channel:
        """Make a channel; a webhook's secret is in this answer and in no other.

        The config: `{"kind": "webhook", "url": ...}`, `{"kind": "email", "to": [...]}` or
        `{"kind": "apprise", "url_env": "APPRISE_..."}`.
        """
        body: Json = {"name": name, "config": dict(config), "enabled": enabled}
        return cast(Channel, self._transport.create(f"{PATH}/channels", body))

    def channels(self) -> list[Channel]:
        """Return every channel, by name."""
        return cast(list[Channel], self._transport.get(f"{PATH}/channels")["items"])

    def change_channel(
        self, channel_id: str, revision: int, config: Mapping[str, Any], *, enabled: bool = True
    ) -> Channel:
        """Replace where a channel goes and whether it is on, if it is at that revision."""
        body: Json = {"config": dict(config), "enabled": enabled}
        path, headers = f"{PATH}/channels/{channel_id}", {"If-Match": f'"{revision}"'}
        return cast(Channel, self._transport.send("PUT", path, body=body, headers=headers))

    def delete_channel(self, channel_id: str, revision: int) -> Channel:
        """Delete a channel that no rule uses, if it is at that revision."""
        path, headers = f"{PATH}/channels/{channel_id}", {"If-Match": f'"{revision}"'}
        return cast(Channel, self._transport.send("DELETE", path, headers=headers))

    def rotate_secret(self, channel_id: str) -> Channel:
        """Give a webhook a fresh secret; for a day the one before signs, too."""
        path = f"{PATH}/channels/{channel_id}/rotate-secret"
        return cast(Channel, self._transport.send("POST", path))

    def test(self, channel_id: str) -> Delivery:
        """Send a test by a channel; follow the delivery to see what came of it."""
        return cast(Delivery, self._transport.create(f"{PATH}/channels/{channel_id}/test", {}))

    def create_rule(self, name: str, event_types: Sequence[str], **more: Any) -> Rule:
        """Make a rule.

        More: condition, channel (a name; left out: the inbox), digest, daily_at, quiet_from,
        quiet_until, timezone, throttle_s, enabled.
        """
        body: Json = {"name": name, "event_types": list(event_types), **more}
        return cast(Rule, self._transport.create(f"{PATH}/rules", body))

    def rules(self) -> list[Rule]:
        """Return every rule, by name."""
        return cast(list[Rule], self._transport.get(f"{PATH}/rules")["items"])

    def change_rule(
        self, rule_id: str, revision: int, name: str, event_types: Sequence[str], **more: Any
    ) -> Rule:
        """Replace all of a rule, if it is at that revision; more as in `create_rule`."""
        body: Json = {"name": name, "event_types": list(event_types), **more}
        path, headers = f"{PATH}/rules/{rule_id}", {"If-Match": f'"{revision}"'}
        return cast(Rule, self._transport.send("PUT", path, body=body, headers=headers))

    def delete_rule(self, rule_id: str, revision: int) -> Rule:
        """Delete a rule, if it is at that revision; what it noticed stays."""
        path, headers = f"{PATH}/rules/{rule_id}", {"If-Match": f'"{revision}"'}
        return cast(Rule, self._transport.send("DELETE", path, headers=headers))

    def preview_rule(
        self, event_types: Sequence[str], *, condition: str | None = None
    ) -> RulePreview:
        """Return what a rule would have noticed among the last events; nothing is saved."""
        body: Json = {"event_types": list(event_types), "condition": condition}
        found = self._transport.send("POST", f"{PATH}/rules/preview", body=body)
        return cast(RulePreview, found)

    def deliveries(
        self,
        *,
        channel_id: str | None = None,
        state: State | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Delivery]:
        """Return a page of the delivery log, newest first."""
        found = self._transport.get(
            f"{PATH}/deliveries", channel_id=channel_id, state=state, limit=limit, cursor=cursor
        )
        return cast(Page[Delivery], found)

    def each_delivery(self, *, channel_id: str | None = None) -> Iterator[Delivery]:
        """Yield the whole delivery log, newest first."""
        return each(lambda at: self.deliveries(channel_id=channel_id, limit=200, cursor=at))

    def delivery(self, delivery_id: str) -> Delivery:
        """Return one delivery."""
        return cast(Delivery, self._transport.get(f"{PATH}/deliveries/{delivery_id}"))

    def resend(self, delivery_id: str) -> Delivery:
        """Send a delivery that has ended again, under the same id."""
        path = f"{PATH}/deliveries/{delivery_id}/resend"
        return cast(Delivery, self._transport.send("POST", path))

    def cancel_delivery(self, delivery_id: str) -> Delivery:
        """Send a delivery no more."""
        path = f"{PATH}/deliveries/{delivery_id}/cancel"
        return cast(Delivery, self._transport.send("POST", path))
