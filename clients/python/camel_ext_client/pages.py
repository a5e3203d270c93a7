"""Following the pages of a list by their cursors."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from camel_ext_client.shapes import Page

T = TypeVar("T")


def each(read: Callable[[str | None], Page[T]]) -> Iterator[T]:
    """Yield the items of all pages; `read` gets the cursor, None for the first page."""
    cursor: str | None = None
    while True:
        page = read(cursor)
        yield from page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return
