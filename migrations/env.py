"""Alembic's way into our metadata. Revisions are numbered files in one linear history."""

from alembic import context
from sqlalchemy import Enum

from camel_ext.core.models import Base, UtcDateTime
from camel_ext.core.row_security import acting_as, protect
from camel_ext.core.tenancy import system_options
from camel_ext.rooms import import_models

import_models()


def plain(kind, item, _context):
    """Write our column types as what the database stores."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.BigInteger()"
    if kind == "type" and isinstance(item, Enum):
        return f"sa.String(length={item.length})"
    return False


def run(connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        compare_type=True,
        render_item=plain,
    )
    with context.begin_transaction():
        context.run_migrations()
    protect(connection)


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    from camel_ext.core.database import Database
    from camel_ext.settings import Settings

    with acting_as("migration"), Database(Settings().database_url).writer.connect() as opened:
        run(opened.execution_options(**system_options("migration")))
