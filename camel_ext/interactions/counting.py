"""Counting the log: how many, by which value, and when. For looking around, not for certificates.

Where one index answers (a filter that leads, and times), all of it is counted; else the newest rows
are, and the answer says how far back. Over a million calls (bench/million.py) a count takes 2 to 30 ms,
facets 40 to 100, a histogram of everything 200 the first time and 10 from then on.
"""

import json
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, log
from threading import Lock
from typing import Any

from sqlalchemy import (
    BigInteger,
    Integer,
    String,
    cast,
    column,
    func,
    select,
    type_coerce,
    values,
)
from sqlalchemy.orm import Session

from camel_ext.core.clock import Clock
from camel_ext.core.counting import GrowingCounts
from camel_ext.core.models import EPOCH, UtcDateTime, to_micros
from camel_ext.core.tenancy import Tenant, current_tenant
from camel_ext.interactions.models import Interaction
from camel_ext.interactions.months import are_divided
from camel_ext.interactions.queries import Row, indexed, last_looked_at, order_of, scanned
from camel_ext.interactions.schemas import (
    BucketShown,
    CountShown,
    FacetsShown,
    FacetValue,
    HistogramQuery,
    HistogramShown,
    InteractionFilter,
)

COUNT_MOST = 10_000
COUNT_ROWS = 20_000  # rows looked at for a filter that no index serves
FACET_ROWS = 10_000
FACET_VALUES = 50
SETTLES = timedelta(minutes=5)  # a call is committed soon after its time is taken
REMEMBER_COUNTS = 20_000  # some 8 MB
FACETS = (
    "agent_id", "model_version_id", "adapter_version_id", "alias", "purpose", "source",
    "finish_reason", "error_code", "tag",
)  # fmt: skip
Key = tuple[Tenant, str, datetime, datetime]
Values = dict[str, Counter[str | None]]


def count_interactions(db: Session, wanted: InteractionFilter) -> CountShown:
    """Count up to 10,000; one query, two with a filter that no index serves."""
    tried, (at, _) = scanned(wanted), order_of(wanted)
    end = last_looked_at(db, wanted, COUNT_ROWS) if tried else None
    divided = are_divided(db)
    rows = indexed(select(at), wanted, end=end, alone=not tried, divided=divided).where(*tried)
    found = db.scalar(select(func.count()).select_from(rows.limit(COUNT_MOST + 1).subquery())) or 0
    return CountShown(
        count=min(found, COUNT_MOST),
        exact=found <= COUNT_MOST and end is None,
        searched_until=None if end is None else end[0],
    )


def count_facets(db: Session, wanted: InteractionFilter) -> FacetsShown:
    """Count the newest rows by each facet's values: two queries, and two for each facet filtered by."""
    found: Values = {}
    until: list[datetime] = []
    own = {name: _without(name, wanted) for name in FACETS}
    rest = [name for name in FACETS if own[name] == wanted]
    for names, wish in [(rest, wanted), *(([n], own[n]) for n in FACETS if n not in rest)]:
        end = last_looked_at(db, wish, FACET_ROWS)
        if end is not None:
            until.append(end[0])
        found |= _values(db, wish, end, names)
    shown = {
        name: [FacetValue(value=v, count=n) for v, n in _commonest(found[name])] for name in FACETS
    }
    return FacetsShown.model_validate(
        {**shown, "rows": FACET_ROWS, "searched_until": max(until, default=None)}
    )


def _commonest(values: Counter[str | None]) -> list[tuple[str | None, int]]:
    """Return the most frequent values, equal ones by their name: the same from every database."""
    return sorted(values.items(), key=lambda each: (-each[1], each[0] or ""))[:FACET_VALUES]


def _without(name: str, wanted: InteractionFilter) -> InteractionFilter:
    gone: dict[str, Any] = {name: None}
    if name == "error_code":
        gone["failed"] = None
    for field in ("one_of", "none_of"):
        kept = [each for each in getattr(wanted, field) or () if not each.startswith(f"{name}:")]
        gone[field] = kept or None
    return wanted.model_copy(update=gone)


def _values(db: Session, wanted: InteractionFilter, end: Row | None, names: list[str]) -> Values:
    """Group the rows by all the columns at once, and take the groups apart here: one query."""
    columns = [
        cast(Interaction.tags, String) if name == "tag" else getattr(Interaction, name)
        for name in names
    ]
    counted = select(*columns, func.count())
    query = indexed(counted, wanted, end=end, divided=are_divided(db)).where(*scanned(wanted))
    found: Values = {name: Counter() for name in names}
    for row in db.execute(query.group_by(*columns)):
        count = row[-1]
        for name, value in zip(names, row[:-1], strict=True):
            if name == "tag":
                for tag in json.loads(value or "null") or [None]:
                    found[name][tag] += count
            else:
                found[name][None if value is None else str(value)] += count
    return found


class Settled:
    """Counts of the log's past, which is only added to at its end, so that they are counted once."""

    def __init__(self, remember: int = REMEMBER_COUNTS) -> None:
        self._known: OrderedDict[Key, int] = OrderedDict()
        self._remember, self._lock = remember, Lock()

    def find(self, keys: Sequence[Key]) -> dict[Key, int]:
        """Return what is known of these."""
        with self._lock:
            return {key: self._known[key] for key in keys if key in self._known}

    def add(self, counts: Mapping[Key, int]) -> None:
        """Remember counts of what nobody adds to any more."""
        with self._lock:
            self._known |= counts
            while len(self._known) > self._remember:
                self._known.popitem(last=False)


@dataclass(frozen=True, slots=True)
class _Parts:
    """A range in parts of the same length, what of them is asked for, and what has settled."""

    starts: list[datetime]
    width: timedelta
    since: datetime
    until: datetime
    settled_at: datetime

    def range_of(self, number: int) -> tuple[datetime, datetime]:
        start = self.starts[number]
        return max(start, self.since), min(start + self.width, self.until)


def count_over_time(
    db: Session, clock: Clock, settled: Settled, wanted: HistogramQuery
) -> HistogramShown:
    """Count calls and failures in each part of a range: at most five queries."""
    now = clock.now()
    until = wanted.until or now
    since = wanted.since or _oldest(db, wanted) or until
    parts = _divide(since, until, wanted.buckets, now, fixed=wanted.until is not None)
    filters = wanted.model_dump(exclude={"buckets"}) | {"since": since, "until": parts.until}
    asked = InteractionFilter.model_validate(filters)
    counts, counted_to = _by_part(db, asked, parts, settled)
    errors, errors_to = dict[int, int](), counted_to
    if asked.failed is not False:
        further = asked if counted_to is None else asked.model_copy(update={"since": counted_to})
        failed = further.model_copy(update={"failed": True})
        errors, looked_to = _by_part(db, failed, parts, settled)
        errors_to = looked_to or counted_to
    return HistogramShown(
        since=parts.starts[0] if parts.starts else since,
        until=parts.until,
        buckets=[
            BucketShown(
                since=start,
                count=counts.get(n, 0) if counted_to is None or start >= counted_to else None,
                errors=errors.get(n, 0) if errors_to is None or start >= errors_to else None,
            )
            for n, start in enumerate(parts.starts)
        ],
        searched_until=max((each for each in (counted_to, errors_to) if each), default=None),
    )


def count_logged(db: Session, growing: GrowingCounts) -> int:
    """Count every call in the log: quick, as only what was added since the last time is looked at."""
    return growing.count(db, Interaction.ingest_seq)


def count_logged_since(db: Session, since: datetime, at_most: int) -> int:
    """Count the calls recorded since then, up to so many."""
    rows = select(Interaction.id).where(Interaction.created_at >= since).limit(at_most)
    return db.scalar(select(func.count()).select_from(rows.subquery())) or 0


def _divide(
    since: datetime, until: datetime, buckets: int, now: datetime, *, fixed: bool
) -> _Parts:
    """Divide a range; one that ends now in parts that stay where they are while it goes on.

    Their length is one of few, each a tenth more than the last, and they begin at its multiples.
    """
    start_us = to_micros(since)
    shares = buckets if fixed else max(1, buckets - 1)  # one more begins before, or ends after
    width_us = max(1, -((start_us - to_micros(until)) // shares))
    if not fixed:
        width_us = ceil(1.1 ** ceil(log(max(2, width_us), 1.1)))
        start_us -= start_us % width_us
    width, first = timedelta(microseconds=width_us), EPOCH + timedelta(microseconds=start_us)
    count = -((first - until) // width) if fixed else (until - first) // width + 1
    starts = [first + n * width for n in range(count if since < until else 0)]
    end = until if fixed or not starts else starts[-1] + width
    return _Parts(starts, width, since, end, now - SETTLES)


def _oldest(db: Session, wanted: InteractionFilter) -> datetime | None:
    at, _ = order_of(wanted)
    oldest: datetime | None = db.scalar(
        indexed(select(at), wanted, alone=True).order_by(at).limit(1)
    )
    return oldest


def _by_part(
    db: Session, wanted: InteractionFilter, parts: _Parts, settled: Settled
) -> tuple[dict[int, int], datetime | None]:
    """Return the counts by number of the part, and how far back it looked."""
    if not parts.starts:
        return {}, None
    tried = scanned(wanted)
    if not tried:
        return _by_range(db, wanted, parts, settled), None
    end, (at, _) = last_looked_at(db, wanted, COUNT_ROWS), order_of(wanted)
    passed_us = type_coerce(at, BigInteger) - to_micros(parts.starts[0])
    number = passed_us // (parts.width // timedelta(microseconds=1))
    counted, divided = select(number, func.count()), are_divided(db)
    query = indexed(counted, wanted, end=end, divided=divided).where(*tried)
    counts = {int(n): count for n, count in db.execute(query.group_by(number))}
    return counts, None if end is None else end[0]


def _by_range(
    db: Session, wanted: InteractionFilter, parts: _Parts, settled: Settled
) -> dict[int, int]:
    """Count each part in the index by itself (a third of what grouping takes), if it is not known."""
    timeless = wanted.model_copy(update={"since": None, "until": None})
    tenant, said = current_tenant(db), timeless.model_dump_json(exclude_none=True)
    keys = {n: (tenant, said, *parts.range_of(n)) for n in range(len(parts.starts))}
    known = settled.find(list(keys.values()))
    missing = [(n, *keys[n][2:]) for n in keys if keys[n] not in known]
    counts = {n: known[key] for n, key in keys.items() if key in known}
    if missing:
        counts |= _count_ranges(db, timeless, missing)
        settled.add({keys[n]: counts[n] for n, _, end in missing if end <= parts.settled_at})
    return counts


def _count_ranges(
    db: Session, timeless: InteractionFilter, ranges: list[tuple[int, datetime, datetime]]
) -> dict[int, int]:
    at, _ = order_of(timeless)
    columns = column("number", Integer), column("since", UtcDateTime), column("until", UtcDateTime)
    parts = values(*columns).data(ranges).cte("parts")
    within = indexed(select(func.count()), timeless, alone=True).where(
        at >= parts.c.since, at < parts.c.until
    )
    counted = select(parts.c.number, within.correlate(parts).scalar_subquery())
    return {row[0]: row[1] for row in db.execute(counted)}
