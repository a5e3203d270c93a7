"""A bug to plant: a write is acknowledged before it is on disk."""

import asyncio
from collections.abc import Callable
from typing import Any

from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant

_write = Runtime.write
_going_on: set["asyncio.Task[Any]"] = set()


def _forget(task: "asyncio.Task[Any]") -> None:
    _going_on.discard(task)
    if not task.cancelled():
        task.exception()


async def acknowledge_early(
    self: Runtime, tenant: Tenant | None, fn: Callable[..., Any], *args: Any, **how: Any
) -> None:
    """Answer at once; the write goes on by itself, or fails by itself. Stands in for `Runtime.write`."""
    task = asyncio.ensure_future(_write(self, tenant, fn, *args, **how))
    _going_on.add(task)
    task.add_done_callback(_forget)
