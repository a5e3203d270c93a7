"""A kind of job that only newer workers know (`TEST_TASKS=tests.brokers.newer`)."""

from camel_ext.core.queue import TaskContext, task
from tests.brokers.effects import leave

NEWER = "tests.effect_of_a_newer_version"


@task(NEWER)
async def leave_newer(context: TaskContext, *, pause_ms: int) -> None:
    """Leave an effect, as the older kind does."""
    await leave(context, pause_ms=pause_ms)
