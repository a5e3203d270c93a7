"""What the feed shows to who polls; sockets and event streams carry the same messages."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field


class EventShown(BaseModel):
    cursor: str = Field(description="The place after this event.")
    event: str = Field(description="Dotted name, past tense.")
    subject: str = Field(description="Id of what changed.")
    payload: dict[str, Any] = Field(description="What a listener needs to know.")
    trace_id: str | None = Field(description="The request behind it.")
    at: datetime = Field(description="When it happened.")


class FeedPageShown(BaseModel):
    items: list[EventShown] = Field(description="Oldest first.")
    cursor: str = Field(description="Send it as `after` for what comes next.")
    more: bool = Field(description="There is more already: ask again at once.")
    reset: bool = Field(
        description="What followed your cursor is no longer kept: read your things anew."
    )


class StreamShown(BaseModel):
    stream: str = Field(description="Id of the stream, as its frames carry it.")
    kind: str = Field(description="Dotted name of its kind.")
    subject: str = Field(description="Id of the thing it belongs to.")
    text: str = Field(description="Its text so far; of a very long one the end.")
    start: int = Field(description="Characters before `text` that are no longer kept.")
    offset: int = Field(
        description="Characters so far: go on with frames whose offset is larger than this."
    )
    done: bool = Field(description="Nothing more will come.")
