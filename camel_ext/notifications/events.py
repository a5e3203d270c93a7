"""What this room announces: what came into the inbox, what was read, and how deliveries ended.

No rule can ask for these: a message about a message would never end.
"""

from dataclasses import dataclass

from camel_ext.core.models import State
from camel_ext.core.outbox import Event, event_type


@event_type("notifications.notice.added")
@dataclass(frozen=True)
class NoticeAdded(Event):
    """The subject is the notice, which stands in inboxes now."""

    severity: str
    title: str
    path: str | None
    principal_id: str | None


@event_type("notifications.inbox.read")
@dataclass(frozen=True)
class InboxRead(Event):
    """The subject is the principal, whose count of unread notices is another one."""


@event_type("notifications.delivery.ended")
@dataclass(frozen=True)
class DeliveryEnded(Event):
    """The subject is the delivery."""

    channel: str
    state: State
    attempts: int
    error_code: str | None
