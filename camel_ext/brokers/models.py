"""Tables of what goes out to other people's systems: how far each organisation's events are published.

A number moves only after the broker has confirmed all up to it, so whatever dies in between, the rest
is published by whoever leads next; some events twice, none never.
"""

from uuid import UUID

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from camel_ext.core.models import Base, OrgScoped


class PublishedHead(OrgScoped, Base):
    """How far an organisation's feed is published to the broker."""

    __tablename__ = "published_heads"

    org_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-20)
    seq: Mapped[int] = mapped_column(BigInteger, doc="The broker confirmed all up to this.")
