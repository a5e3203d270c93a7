"""`make migrate`: brings the configured database to the newest revision."""

from camel_ext.core.database import Database
from camel_ext.core.migrate import current_revision, migrate
from camel_ext.settings import Settings

if __name__ == "__main__":
    database = Database(Settings().database_url)
    before = current_revision(database)
    migrate(database)
    print(f"{database.url.render_as_string()}: {before or 'empty'} -> {current_revision(database)}")
