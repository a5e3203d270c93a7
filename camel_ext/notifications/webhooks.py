"""Webhooks: a CloudEvents document, signed as Standard Webhooks says.

The signature is HMAC-SHA256 over `id.timestamp.body`; the id stays the same in every try, so that a
receiver can tell a repetition. Source: standardwebhooks.com, version 1; CloudEvents 1.0.2, structured
mode.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from camel_ext.core.clock import Clock
from camel_ext.core.outbound import Outbound
from camel_ext.notifications.deliveries import Letter, Tried
from camel_ext.notifications.models import Notice
from camel_ext.notifications.unsent import Unsent

Json = dict[str, Any]
SOURCE = "urn:camel-extensions"
GONE = 410
LASTING = frozenset({400, 401, 403, 404, 405, 406, GONE, 411, 413, 414, 415, 422})
REDIRECTS = range(300, 400)
EXCERPT = 200


class Webhooks:
    """Posts to URLs of users."""

    def __init__(self, outbound: Outbound, clock: Clock, base_url: str | None) -> None:
        self._outbound = outbound
        self._clock = clock
        self._base_url = base_url

    async def send(self, letter: Letter) -> Tried:
        """Post a message. Raises: Unsent, UrlRefused, OutboundFailed."""
        body = json.dumps(document(letter, self._base_url), ensure_ascii=False).encode()
        headers = signed(letter, body, self._clock.now())
        answer = await self._outbound.post(letter.config["url"], body, headers)
        if 200 <= answer.status < 300:
            return Tried(answer.status, answer.took_ms)
        raise Unsent(
            "notifications.answered",
            _words(answer.status, answer.body),
            lasting=answer.status in LASTING or answer.status in REDIRECTS,
            response_code=answer.status,
            latency_ms=answer.took_ms,
        )


def document(letter: Letter, base_url: str | None) -> Json:
    """Return the CloudEvents document of a message."""
    one = letter.notices[0] if letter.count == 1 and letter.notices else None
    kind = one.type if one else "notifications.digest" if letter.count else "notifications.test"
    event: Json = {
        "specversion": "1.0",
        "id": str(letter.delivery_id),
        "source": base_url or SOURCE,
        "type": kind,
        "time": letter.created_at.isoformat(),
        "datacontenttype": "application/json",
        "data": {
            "channel": letter.channel,
            "title": letter.subject,
            "count": letter.count,
            "notices": [_notice(notice, base_url) for notice in letter.notices],
        },
    }
    if one is not None:
        event["subject"] = one.subject
    return event


def _notice(notice: Notice, base_url: str | None) -> Json:
    return {
        "id": str(notice.id),
        "rule": notice.rule,
        "type": notice.type,
        "subject": notice.subject,
        "severity": notice.severity.value,
        "title": notice.title,
        "detail": notice.detail,
        "url": link(notice, base_url),
        "happened_at": notice.happened_at.isoformat(),
        "data": notice.payload,
    }


def link(notice: Notice, base_url: str | None) -> str | None:
    """Return where a notice is looked at: a whole URL where the operator said how this is reached."""
    if notice.path is None or base_url is None:
        return notice.path
    return base_url.rstrip("/") + notice.path


def signed(letter: Letter, body: bytes, now: datetime) -> dict[str, str]:
    """Return the headers of a try, with a signature by each secret."""
    message_id, timestamp = str(letter.delivery_id), str(int(now.timestamp()))
    return {
        "Content-Type": "application/cloudevents+json; charset=utf-8",
        "User-Agent": "camel-extensions",
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": sign(letter.secrets, message_id, timestamp, body),
    }


def sign(secrets: Iterable[str], message_id: str, timestamp: str, body: bytes) -> str:
    """Return the signature by each of these secrets, `v1,...` each."""
    content = f"{message_id}.{timestamp}.".encode() + body
    parts = []
    for secret in secrets:
        key = base64.b64decode(secret.removeprefix("whsec_"))
        digest = hmac.new(key, content, hashlib.sha256).digest()
        parts.append("v1," + base64.b64encode(digest).decode())
    return " ".join(parts)


def _words(status: int, body: bytes) -> str:
    if status in REDIRECTS:
        return (
            f"it answered {status}, a redirect, which is not followed: give the channel its new URL"
        )
    said = body[:EXCERPT].decode(errors="replace").strip()
    return f"it answered {status}" + (f": {said}" if said else "")
