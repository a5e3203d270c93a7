"""Counting SQL statements, so that a list route cannot grow a query per row unseen."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from camel_ext.core.runtime import Runtime


@contextmanager
def counted(runtime: Runtime, about: tuple[str, ...] = ("",)) -> Iterator[list[str]]:
    """Collect the SQL of the runtime's readers that names any of these words."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.startswith("BEGIN") and any(word in statement for word in about):
            seen.append(statement)

    engine = runtime.database.reader
    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)
