"""What the log keeps for the life of a process: where its archives are, and its months on PostgreSQL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from camel_ext.core.runtime import Runtime
from camel_ext.interactions import months
from camel_ext.interactions.archived import keep_archives_in
from camel_ext.interactions.elsewhere import bringer
from camel_ext.settings import Settings


@asynccontextmanager
async def opened(runtime: Runtime, settings: Settings) -> AsyncIterator[None]:
    """Know the folder; it is made with the first archive."""
    root = settings.interactions.archive_dir or settings.data_dir / "archive"
    keep_archives_in(runtime.database, root.expanduser(), bringer(runtime))
    if runtime.database.is_sqlite:
        yield
        return
    async with months.kept_up(runtime):
        yield
