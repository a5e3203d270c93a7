"""`make check`: the revisions lead exactly to the models, in one line, each with its number."""

import sys
import tempfile

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from camel_ext.core.database import Database
from camel_ext.core.migrate import alembic_config, migrate
from camel_ext.core.models import Base
from camel_ext.core.tenancy import system_options
from camel_ext.rooms import import_models


def main() -> int:
    import_models()
    heads = ScriptDirectory.from_config(alembic_config()).get_heads()
    if len(heads) != 1:
        print(f"the history has {len(heads)} ends: {heads}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/now.db")
        migrate(database)
        with database.writer.begin() as connection:
            marked = connection.execution_options(**system_options("migration"))
            differences = compare_metadata(
                MigrationContext.configure(marked, opts={"compare_type": True}), Base.metadata
            )
    for difference in differences:
        print(f"not in a revision: {difference}", file=sys.stderr)
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
