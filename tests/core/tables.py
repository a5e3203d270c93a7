"""Two tenanted tables of our own, outside the product's metadata, so that no migration sees them."""

from typing import ClassVar
from uuid import UUID

from sqlalchemy import ForeignKey, MetaData, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from camel_ext.core.database import Database
from camel_ext.core.models import Base, OrgScoped, Tenanted


class Own(Base):
    __abstract__ = True
    metadata: ClassVar[MetaData] = MetaData()


class Shelf(Tenanted, Own):
    __tablename__ = "own_shelves"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40))
    books: Mapped[list["Book"]] = relationship(lazy="raise")


class Book(Tenanted, Own):
    __tablename__ = "own_books"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    shelf_id: Mapped[UUID] = mapped_column(ForeignKey("own_shelves.id"))
    title: Mapped[str] = mapped_column(String(40))
    note: Mapped[str | None] = mapped_column(String(40))
    shelf: Mapped[Shelf] = relationship(lazy="raise", overlaps="books")


class Badge(OrgScoped, Own):
    __tablename__ = "own_badges"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    label: Mapped[str] = mapped_column(String(40))


def create_own_tables(database: Database) -> None:
    """Create them beside the migrated ones."""
    with database.begin() as connection:
        Own.metadata.create_all(connection.execution_options(tenant_system="ddl"))
