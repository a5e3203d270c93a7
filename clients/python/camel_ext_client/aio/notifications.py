"""Routes of notifications: the inbox, channels and rules, and the delivery log.

Shapes of answers are below; they are plain dicts. A newer server may send more than stands here.

Written by `make client` from `notifications.py`: change that one.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, cast

from camel_ext_client.aio.pages import each
from camel_ext_client.aio.transport import AsyncTransport
from camel_ext_client.notifications import (
    PATH,
    Channel,
    Delivery,
    EventType,
    Notice,
    Rule,
    RulePreview,
    Unread,
)
from camel_ext_client.shapes import Page, State
from camel_ext_client.transport import Json


class Notifications:
    """`client.notifications`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def inbox(
        self, *, unread: bool = False, limit: int = 50, cursor: str | None = None
    ) -> Page[Notice]:
        """Return a page of your inbox, newest first."""
        wanted: Json = {"unread": "true"} if unread else {}
        found = await self._transport.get(f"{PATH}/inbox", limit=limit, cursor=cursor, **wanted)
        return cast(Page[Notice], found)

    def each_notice(self, *, unread: bool = False) -> AsyncIterator[Notice]:
        """Yield all of your inbox, newest first."""
        return each(lambda at: self.inbox(unread=unread, limit=200, cursor=at))

    async def unread(self) -> Unread:
        """Return how many notices you have not read."""
        return cast(Unread, await self._transport.get(f"{PATH}/inbox/unread"))

    async def mark_read(self, ids: Sequence[str] | None = None) -> Unread:
        """Say which notices you have read; without ids all that stand in your inbox now."""
        body: Json = {"all": True} if ids is None else {"ids": list(ids)}
        return cast(Unread, await self._transport.send("POST", f"{PATH}/inbox/read", body=body))

    async def event_types(self) -> list[EventType]:
        """Return the types of events that rules can ask for."""
        return cast(list[EventType], (await self._transport.get(f"{PATH}/events"))["items"])

    async def create_channel(
        self, name: str, config: Mapping[str, Any], *, enabled: bool = True
    ) -> Channel:
        """Make a channel; a webhook's secret is in this answer and in no other.

        The config: `{"kind": "webhook", "url": ...}`, `{"kind": "email", "to": [...]}` or
        `{"kind": "apprise", "url_env": "APPRISE_..."}`.
        """
        body: Json = {"name": name, "config": dict(config), "enabled": enabled}
        return cast(Channel, await self._transport.create(f"{PATH}/channels", body))

    async def channels(self) -> list[Channel]:
        """Return every channel, by name."""
        return cast(list[Channel], (await self._transport.get(f"{PATH}/channels"))["items"])

    async def change_channel(
        self, channel_id: str, revision: int, config: Mapping[str, Any], *, enabled: bool = True
    ) -> Channel:
        """Replace where a channel goes and whether it is on, if it is at that revision."""
        body: Json = {"config": dict(config), "enabled": enabled}
        path, headers = (f"{PATH}/channels/{channel_id}", {"If-Match": f'"{revision}"'})
        return cast(Channel, await self._transport.send("PUT", path, body=body, headers=headers))

    async def delete_channel(self, channel_id: str, revision: int) -> Channel:
        """Delete a channel that no rule uses, if it is at that revision."""
        path, headers = (f"{PATH}/channels/{channel_id}", {"If-Match": f'"{revision}"'})
        return cast(Channel, await self._transport.send("DELETE", path, headers=headers))

    async def rotate_secret(self, channel_id: str) -> Channel:
        """Give a webhook a fresh secret; for a day the one before signs, too."""
        path = f"{PATH}/channels/{channel_id}/rotate-secret"
        return cast(Channel, await self._transport.send("POST", path))

    async def test(self, channel_id: str) -> Delivery:
        """Send a test by a channel; follow the delivery to see what came of it."""
        return cast(
            Delivery, await self._transport.create(f"{PATH}/channels/{channel_id}/test", {})
        )

    async def create_rule(self, name: str, event_types: Sequence[str], **more: Any) -> Rule:
        """Make a rule.

        More: condition, channel (a name; left out: the inbox), digest, daily_at, quiet_from,
        quiet_until, timezone, throttle_s, enabled.
        """
        body: Json = {"name": name, "event_types": list(event_types), **more}
        return cast(Rule, await self._transport.create(f"{PATH}/rules", body))

    async def rules(self) -> list[Rule]:
        """Return every rule, by name."""
        return cast(list[Rule], (await self._transport.get(f"{PATH}/rules"))["items"])

    async def change_rule(
        self, rule_id: str, revision: int, name: str, event_types: Sequence[str], **more: Any
    ) -> Rule:
        """Replace all of a rule, if it is at that revision; more as in `create_rule`."""
        body: Json = {"name": name, "event_types": list(event_types), **more}
        path, headers = (f"{PATH}/rules/{rule_id}", {"If-Match": f'"{revision}"'})
        return cast(Rule, await self._transport.send("PUT", path, body=body, headers=headers))

    async def delete_rule(self, rule_id: str, revision: int) -> Rule:
        """Delete a rule, if it is at that revision; what it noticed stays."""
        path, headers = (f"{PATH}/rules/{rule_id}", {"If-Match": f'"{revision}"'})
        return cast(Rule, await self._transport.send("DELETE", path, headers=headers))

    async def preview_rule(
        self, event_types: Sequence[str], *, condition: str | None = None
    ) -> RulePreview:
        """Return what a rule would have noticed among the last events; nothing is saved."""
        body: Json = {"event_types": list(event_types), "condition": condition}
        found = await self._transport.send("POST", f"{PATH}/rules/preview", body=body)
        return cast(RulePreview, found)

    async def deliveries(
        self,
        *,
        channel_id: str | None = None,
        state: State | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Delivery]:
        """Return a page of the delivery log, newest first."""
        found = await self._transport.get(
            f"{PATH}/deliveries", channel_id=channel_id, state=state, limit=limit, cursor=cursor
        )
        return cast(Page[Delivery], found)

    def each_delivery(self, *, channel_id: str | None = None) -> AsyncIterator[Delivery]:
        """Yield the whole delivery log, newest first."""
        return each(lambda at: self.deliveries(channel_id=channel_id, limit=200, cursor=at))

    async def delivery(self, delivery_id: str) -> Delivery:
        """Return one delivery."""
        return cast(Delivery, await self._transport.get(f"{PATH}/deliveries/{delivery_id}"))

    async def resend(self, delivery_id: str) -> Delivery:
        """Send a delivery that has ended again, under the same id."""
        path = f"{PATH}/deliveries/{delivery_id}/resend"
        return cast(Delivery, await self._transport.send("POST", path))

    async def cancel_delivery(self, delivery_id: str) -> Delivery:
        """Send a delivery no more."""
        path = f"{PATH}/deliveries/{delivery_id}/cancel"
        return cast(Delivery, await self._transport.send("POST", path))
