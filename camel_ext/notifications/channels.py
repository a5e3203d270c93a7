"""Channels: making, changing, deleting and listing them. What they send is `sending`'s.

A webhook's secret is made here and shown once; where messages go is never shown whole.
"""

import base64
import secrets
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from camel_ext.core.door import TenantDoor, check_revision
from camel_ext.notifications.errors import (
    ChannelInUse,
    ChannelInvalid,
    ChannelNameTaken,
    ChannelUnknown,
    NoSecret,
    TooMany,
)
from camel_ext.notifications.models import Channel, ChannelKind, Rule
from camel_ext.notifications.schemas import ChannelChange, ChannelCreate

MOST_CHANNELS = 100
SECRET = "whsec_"  # noqa: S105 - how Standard Webhooks begins a secret
BOTH_SIGN = timedelta(days=1)


def new_secret() -> str:
    """Return a fresh secret to sign with, as Standard Webhooks writes it."""
    return SECRET + base64.b64encode(secrets.token_bytes(32)).decode()


def create_channel(db: Session, door: TenantDoor, wanted: ChannelCreate) -> Channel:
    """Make a channel; a webhook gets a secret.

    Raises: ChannelNameTaken, TooMany.
    """
    if (db.scalar(select(func.count()).select_from(Channel)) or 0) >= MOST_CHANNELS:
        raise TooMany(f"a project has at most {MOST_CHANNELS} channels: delete some first")
    now = door.runtime.clock.now()
    kind = ChannelKind(wanted.config.kind)
    channel = Channel(
        id=door.runtime.new_id(),
        name=wanted.name,
        kind=kind,
        config=wanted.config.model_dump(mode="json"),
        enabled=wanted.enabled,
        secret=new_secret() if kind is ChannelKind.WEBHOOK else None,
        principal_id=door.principal_id,
        revision=1,
        created_at=now,
        updated_at=now,
    )
    try:
        with db.begin_nested():
            db.add(channel)
    except IntegrityError as error:
        raise ChannelNameTaken(f"there is a channel {wanted.name!r} already") from error
    return channel


def change_channel(
    db: Session, door: TenantDoor, channel_id: UUID, revision: int, wanted: ChannelChange
) -> Channel:
    """Replace where a channel goes and whether it is on.

    Raises: ChannelUnknown, PreconditionFailed, ChannelInvalid.
    """
    channel = get_channel(db, channel_id, lock=True)
    check_revision(channel.revision, revision)
    if wanted.config.kind != channel.kind:
        raise ChannelInvalid(f"a channel stays what it is: this one is {channel.kind}")
    channel.config, channel.enabled = wanted.config.model_dump(mode="json"), wanted.enabled
    _touch(channel, door)
    db.flush()
    return channel


def rotate_secret(db: Session, door: TenantDoor, channel_id: UUID, revision: int | None) -> Channel:
    """Give a webhook a fresh secret; for a day the one before signs, too.

    Raises: ChannelUnknown, PreconditionFailed, NoSecret.
    """
    channel = get_channel(db, channel_id, lock=True)
    if revision is not None:
        check_revision(channel.revision, revision)
    if channel.secret is None:
        raise NoSecret(f"the channel {channel.name!r} is {channel.kind}: only webhooks are signed")
    channel.old_secret = channel.secret
    channel.old_until = door.runtime.clock.now() + BOTH_SIGN
    channel.secret = new_secret()
    _touch(channel, door)
    db.flush()
    return channel


def delete_channel(db: Session, channel_id: UUID, revision: int) -> Channel:
    """Delete a channel that no rule uses; its delivery log stays.

    Raises: ChannelUnknown, PreconditionFailed, ChannelInUse.
    """
    channel = get_channel(db, channel_id, lock=True)
    check_revision(channel.revision, revision)
    users = list(db.scalars(select(Rule.name).where(Rule.channel_id == channel_id).limit(5)))
    if users:
        raise ChannelInUse(f"rules send by it: {', '.join(users)}")
    db.delete(channel)
    db.flush()
    return channel


def get_channel(db: Session, channel_id: UUID, *, lock: bool = False) -> Channel:
    """Return a channel. Raises: ChannelUnknown."""
    channel = db.get(Channel, channel_id, with_for_update=lock or None, populate_existing=lock)
    if channel is None:
        raise ChannelUnknown(f"there is no channel {channel_id} in this project")
    return channel


def find_channel(db: Session, name: str) -> Channel:
    """Return a channel by its name. Raises: ChannelUnknown."""
    channel = db.scalar(select(Channel).where(Channel.name == name))
    if channel is None:
        raise ChannelUnknown(f"there is no channel {name!r} in this project")
    return channel


def list_channels(db: Session) -> list[Channel]:
    """Return every channel, by name."""
    return list(db.scalars(select(Channel).order_by(Channel.name)))


def target_of(kind: ChannelKind, config: dict[str, Any]) -> str:
    """Say where a channel goes, without what could be a secret: paths of webhooks often are one."""
    match kind:
        case ChannelKind.WEBHOOK:
            parts = urlsplit(config["url"])
            hidden = "/…" if parts.path.strip("/") or parts.query else ""
            return f"{parts.scheme}://{parts.netloc}{hidden}"
        case ChannelKind.EMAIL:
            return ", ".join(config["to"])
        case ChannelKind.APPRISE:
            return f"${config['url_env']}"


def _touch(channel: Channel, door: TenantDoor) -> None:
    channel.revision += 1
    channel.principal_id = door.principal_id
    channel.updated_at = door.runtime.clock.now()
