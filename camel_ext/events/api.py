"""Routes of the feed: a WebSocket, the same as server-sent events, a page to poll, text streams."""

from contextlib import suppress
from typing import Annotated

from fastapi import Header, Path, Query, Request
from starlette.responses import Response
from starlette.websockets import WebSocket

from camel_ext.core.errors import CamelExtError
from camel_ext.core.http import problems
from camel_ext.core.routes import Router
from camel_ext.events.cursors import decode_cursor
from camel_ext.events.process import feed_of
from camel_ext.events.schemas import FeedPageShown, StreamShown
from camel_ext.events.service import list_events
from camel_ext.events.sinks import EventStream, SocketSink, deny
from camel_ext.events.topics import parse_topics
from camel_ext.identity import ActorDoor, Viewer, authenticate

router = Router(prefix="/api/v1/events", tags=["events"])
PROTOCOL = "camel-ext"  # what a browser offers beside its key, so that the answer names no key

Wanted = Annotated[
    str | None,
    Query(
        alias="topics",
        description="Comma list of prefixes of event types, each with `:SUBJECT` where only one "
        "thing is of interest; nothing or `*`: everything.",
        examples=["workflows.run:0190f3c2-0000-7000-8000-000000000000,registry"],
    ),
]
After = Annotated[
    str | None, Query(description="A cursor of the feed: send what came after it.", examples=[None])
]


@router.websocket("")
async def follow(socket: WebSocket) -> None:
    """Send events as JSON text frames until either side closes."""
    try:
        door = await authenticate(socket)
        feed_of(door.runtime).hub.check_open()
    except CamelExtError as error:
        await deny(socket, error)
        return
    await socket.accept(_subprotocol(socket))
    sink = SocketSink(socket)
    try:
        await _serve(socket, door, sink)
    except CamelExtError as error:
        with suppress(OSError):  # it left before it heard what was wrong
            await sink.close(error)


async def _serve(socket: WebSocket, door: ActorDoor, sink: SocketSink) -> None:
    query = socket.query_params
    topics = parse_topics(query.get("topics"))
    after = None if query.get("after") is None else decode_cursor(query["after"])
    hub = feed_of(door.runtime).hub
    async with hub.subscribed(
        door.tenant, topics, after, sink, lambda: authenticate(socket)
    ) as subscriber:
        subscriber.start()
        while (await socket.receive())["type"] != "websocket.disconnect":
            pass  # a client has nothing to say here, and is not scolded for it


def _subprotocol(socket: WebSocket) -> str | None:
    """Return the subprotocol to accept: a browser gives up where it offered some and got none."""
    offered: list[str] = socket.scope.get("subprotocols", [])
    return PROTOCOL if PROTOCOL in offered else next(iter(offered), None)


@router.get(
    "/stream",
    summary="Follow events as server-sent events",
    response_class=Response,
    responses=problems(503)
    | {
        200: {
            "description": "Messages like those of the WebSocket; their ids are cursors.",
            "content": {
                "text/event-stream": {
                    "schema": {"type": "string"},
                    "example": 'id: ZXYAAAAAAAAB\ndata: {"type":"hello","cursor":"ZXYAAAAAAAAB"}\n',
                }
            },
        }
    },
)
async def stream(
    door: Viewer,
    request: Request,
    topics: Wanted = None,
    after: After = None,
    last_event_id: Annotated[
        str | None, Header(description="Sent by a browser that reconnects; goes before `after`.")
    ] = None,
) -> Response:
    """Send what happens from now on, or after a cursor, until the client leaves."""
    hub = feed_of(door.runtime).hub
    hub.check_open()
    place = last_event_id or after
    start = None if place is None else decode_cursor(place)
    return EventStream(hub, door.tenant, parse_topics(topics), start, lambda: authenticate(request))


@router.get("/log", summary="Read a page of events", responses=problems())
async def read_log(
    door: Viewer,
    topics: Wanted = None,
    after: After = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="Events a page.")] = 100,
) -> FeedPageShown:
    """Return events after a cursor, oldest first; without one from the oldest that is kept."""
    start = None if after is None else decode_cursor(after)
    return await door.read(list_events, start, parse_topics(topics), limit)


@router.get("/streams", responses=problems(), summary="Read the texts that a thing is making")
async def list_streams(
    door: Viewer,
    subject: Annotated[
        str, Query(min_length=1, max_length=200, description="Id of the thing, such as a run's.")
    ],
) -> list[StreamShown]:
    """Return the streams of a thing that are not over, for who begins to watch in the middle."""
    found = feed_of(door.runtime).frames.of_subject(door.tenant, subject)
    return [StreamShown.model_validate(each, from_attributes=True) for each in found]


@router.get(
    "/streams/{stream_id:path}",
    summary="Read the text of a stream so far",
    responses=problems(404),
)
async def read_stream(
    door: Viewer,
    stream_id: Annotated[str, Path(description="Id of the stream, as its frames carry it.")],
) -> StreamShown:
    """Return a stream's text, to go on from with frames whose offset is larger.

    It is kept for some seconds after the stream's end; the finished text lives where it belongs.
    """
    frames = feed_of(door.runtime).frames
    return StreamShown.model_validate(frames.snapshot(door.tenant, stream_id), from_attributes=True)
