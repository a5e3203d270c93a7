"""Where a conversation stands in the log, kept in the hands of whoever leads it.

A place is immutable: copies of a conversation (the candidates of a best-of) share it and each go on
from it. It counts only once its owner says that the call was committed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from camel_ext.interactions import Recorded, Thread
from camel_ext.serving.calls import Talk


@dataclass(frozen=True, slots=True)
class Place:
    """A conversation after one of its calls, which is committed or not."""

    interaction_id: UUID
    thread: Thread
    keep: Callable[[], None]


def thread_of(talk: Talk | None) -> Thread:
    """Return a thread of its own that goes on where the conversation's last committed call ended.

    After a resume nothing is in hand: the next prompt is found by its prefix, or stored whole.
    """
    place = None if talk is None else talk.thread
    if talk is None or not isinstance(place, Place):
        return Thread()
    if talk.last_interaction_id != place.interaction_id:  # it was never committed
        return Thread()
    place.keep()
    known = place.thread
    return Thread(known.head, known.tools, known.tools_raw)


def take_place(talk: Talk | None, thread: Thread, recorded: Recorded) -> None:
    """Leave in the conversation where it stands, should this call be committed."""
    if talk is not None:
        talk.thread = Place(recorded.id, thread, recorded.keep)
