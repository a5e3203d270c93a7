"""Following the pages of a list by their cursors, for asyncio."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from camel_ext_client.shapes import Page

T = TypeVar("T")


async def each(read: Callable[[str | None], Awaitable[Page[T]]]) -> AsyncIterator[T]:
    """Yield the items of all pages; `read` gets the cursor, None for the first page."""
    cursor: str | None = None
    while True:
        page = await read(cursor)
        for item in page["items"]:
            yield item
        cursor = page["next_cursor"]
        if cursor is None:
            return
