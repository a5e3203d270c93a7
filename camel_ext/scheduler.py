"""The scheduler process: fires schedules from another process than the server, without HTTP.

For PostgreSQL only: on SQLite the server has a scheduler of its own, as it has a worker. Several may run;
one leads. What a schedule starts is executed by workers, not here.
"""

import asyncio
from contextlib import suppress

from camel_ext import rooms
from camel_ext.app import Parts, open_runtime, ticking
from camel_ext.core.errors import Invalid
from camel_ext.core.migrate import require_current
from camel_ext.settings import Settings
from camel_ext.watching import watched


class SchedulerNeedsPostgres(Invalid):
    """A scheduler process needs PostgreSQL; on SQLite the server has its own scheduler."""


async def run_scheduler(
    settings: Settings,
    stop: asyncio.Event,
    ready: asyncio.Event | None = None,
    parts: Parts | None = None,
) -> None:
    """Fire schedules until `stop` is set; `ready` is set once they are looked at.

    Raises: SchedulerNeedsPostgres, SchemaOlder, SchemaNewer, MetricsPortUnusable.
    """
    if settings.database_url.startswith("sqlite"):
        raise SchedulerNeedsPostgres(
            "a scheduler process needs PostgreSQL, and this is SQLite, which one process writes: the "
            "server. It fires schedules itself, so there is nothing to start here. To run several, "
            "set CAMEL_EXT_DATABASE__URL=postgresql://..."
        )
    parts = parts or Parts()
    rooms.import_models()
    rooms.import_events()
    async with open_runtime(settings, parts) as runtime:
        await parts.threads.run("work", require_current, runtime.database)
        async with (
            watched(runtime, settings),
            ticking(runtime, settings, sole=False) as running,
        ):
            stopping = asyncio.create_task(stop.wait(), name="stop")
            if ready is not None:
                ready.set()
            try:
                await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                stopping.cancel()
                with suppress(asyncio.CancelledError):
                    await stopping
