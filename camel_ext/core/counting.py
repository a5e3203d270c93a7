"""How many rows a table that only grows has of a tenant: counted once, then only what was added.

A million index entries take 0.1 s to count, each time anew. Rows of such a table are added in the order
of their number or time and never taken away, so what was counted up to there stays counted. It keeps
counts in the process's memory, and no rows; tables whose rows leave are not for it.
"""

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, literal, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant, current_tenant

FEW = 10_000  # rows are counted anew each time; more of them are remembered
# a transaction may commit a number or time that is before one that is seen already
STILL_OPEN: dict[type, Any] = {int: 1000}
STILL_OPEN_S = timedelta(hours=1)


class GrowingCounts:
    """This process's counts, by tenant and column."""

    def __init__(self) -> None:
        self._upto: dict[tuple[Tenant, str], tuple[Any, int]] = {}

    def count(
        self, db: Session, order: InstrumentedAttribute[Any], *among: ColumnElement[bool]
    ) -> int:
        """Return how many rows of the session's tenant there are: one or two queries.

        `order` is the column in whose order rows are added; it is always counted `among` the same.
        """
        key = (current_tenant(db), str(order))
        upto, counted = self._upto.get(key, (None, 0))
        added, newest = _after(db, order, among, upto)
        if added > FEW:
            keep = newest - STILL_OPEN.get(type(newest), STILL_OPEN_S)
            self._upto[key] = (keep, counted + added - _after(db, order, among, keep)[0])
        return counted + added


def _after(
    db: Session, order: Any, among: tuple[ColumnElement[bool], ...], upto: Any
) -> tuple[int, Any]:
    query = select(func.count(), func.max(order)).where(*among)
    if upto is not None:
        query = query.where(_few(db, order > upto))
    added, newest = db.execute(query).one()
    return added, newest


def _few(db: Session, condition: ColumnElement[bool]) -> ColumnElement[Any]:
    """Say that the condition holds for few rows, so that it leads; PostgreSQL knows by itself.

    Without it SQLite (3.40, no statistics) walks all of a tenant's index: 150 ms in a million rows.
    """
    if db.get_bind().dialect.name != "sqlite":
        return condition
    return func.likelihood(condition, literal(0.000001, literal_execute=True))


def growing_counts(runtime: Runtime) -> GrowingCounts:
    """Return this process's counts."""
    counts: GrowingCounts = runtime.extras.setdefault("core.counting", GrowingCounts())
    return counts
