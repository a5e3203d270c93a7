"""The seam to threads without threads: work runs on the loop, one thing after another."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class InlineThreads:
    """Runs each piece of work on the loop, after letting others go first."""

    async def run(self, lane: str, fn: Callable[..., T], *args: object) -> T:
        await asyncio.sleep(0)
        return fn(*args)

    def close(self) -> None:
        """Nothing to end."""
