"""What the datasets room keeps for the life of a process: where exports are written."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from camel_ext.core.runtime import Runtime
from camel_ext.datasets.exporting import FOLDER
from camel_ext.settings import Settings


@asynccontextmanager
async def opened(runtime: Runtime, settings: Settings) -> AsyncIterator[None]:
    """Know the folder; it is made with the first export."""
    root = settings.datasets.export_dir or settings.data_dir.expanduser() / "exports"
    runtime.extras[FOLDER] = root
    yield
