"""Alembic's way into our metadata. Revisions are numbered files in one linear history."""

from alembic import context

from camel_ext.core.models import Base
from camel_ext.core.tenancy import system_options
from camel_ext.rooms import import_models

import_models()


def run(connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        compare_type=True,
        user_module_prefix="",
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    from camel_ext.core.database import Database
    from camel_ext.settings import Settings

    with Database(Settings().database_url).writer.connect() as opened:
        run(opened.execution_options(**system_options("migration")))
