"""The bug: a worker that takes what a message names, whatever its row says (`TEST_TASKS`)."""

from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from camel_ext.core import claiming, jobs
from camel_ext.core.queue import QueueWorker


async def _believe(_self: QueueWorker, _only: frozenset[UUID]) -> bool:
    return True


def _choose(connection: Connection, *args: Any, **options: Any) -> claiming.Chosen:
    only = options.get("only")
    if only:
        return claiming.Chosen(sorted(only), {})
    return claiming.choose(connection, *args, **options)


setattr(QueueWorker, "_any_due", _believe)  # noqa: B010 - it is planted, not meant
setattr(jobs, "choose", _choose)  # noqa: B010
