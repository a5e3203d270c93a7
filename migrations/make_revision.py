"""`make migration m="Add cost"`: the next numbered revision, from the difference to the models."""

import re
import sys
import tempfile
from pathlib import Path

from alembic import command

from camel_ext.core.database import Database
from camel_ext.core.migrate import alembic_config, migrate, migrations_dir
from camel_ext.core.tenancy import system_options


def main(message: str) -> None:
    taken = sorted(path.name[:4] for path in (migrations_dir() / "versions").glob("[0-9]*.py"))
    number = f"{int(taken[-1]) + 1 if taken else 1:04d}"
    slug = re.sub(r"[^a-z0-9]+", "_", message.lower()).strip("_")
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/now.db")
        if taken:
            migrate(database)
        config = alembic_config()
        config.set_main_option("file_template", f"{number}_{slug}")
        with database.writer.begin() as connection:
            config.attributes["connection"] = connection.execution_options(
                **system_options("migration")
            )
            command.revision(config, message, autogenerate=True, rev_id=number)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))
    main(sys.argv[1])
