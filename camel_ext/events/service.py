"""Reading the feed for who polls: one page, as it is shown. Streams are the hub's."""

from sqlalchemy.orm import Session

from camel_ext.core.outbox import Numbered
from camel_ext.events.cursors import encode_cursor
from camel_ext.events.log import read_page
from camel_ext.events.schemas import EventShown, FeedPageShown
from camel_ext.events.topics import Topics


def list_events(db: Session, after: int | None, topics: Topics, limit: int) -> FeedPageShown:
    """Return the events after a place; one that is no longer kept gets `reset` and the newest."""
    page = read_page(db, after, None, topics, limit)
    if page.gone:
        return FeedPageShown(items=[], cursor=encode_cursor(page.last), more=False, reset=True)
    return FeedPageShown(
        items=[_shown(event) for event in page.events],
        cursor=encode_cursor(page.seq),
        more=len(page.events) == limit and page.seq < page.last,
        reset=False,
    )


def _shown(event: Numbered) -> EventShown:
    return EventShown(
        cursor=encode_cursor(event.seq),
        event=event.type,
        subject=event.subject,
        payload=event.payload,
        trace_id=event.trace_id,
        at=event.created_at,
    )
