"""The live feed for asyncio; what messages are and mean stands in the other feed."""

import time
from collections.abc import AsyncGenerator, Callable, Sequence

import httpx

from camel_ext_client.aio.transport import AsyncTransport
from camel_ext_client.errors import ApiError
from camel_ext_client.feed import PATH, SILENCE_S, Message, Reader


async def watch(
    transport: AsyncTransport,
    topics: Sequence[str],
    after: str | None,
    *,
    give_up_s: float | None = None,
    silence_s: float = SILENCE_S,
    on_lost: Callable[[Exception], None] | None = None,
) -> AsyncGenerator[Message, None]:
    """Yield messages until the caller stops; a server that is away is waited for.

    Raises: ApiError where the server refuses for good; Unreachable after `give_up_s` without it.
    """
    cursor, tried, lost_s = after, 0, None
    while True:
        error: Exception = ConnectionError("the server ended the stream")
        try:
            params = {"topics": ",".join(topics) or None, "after": cursor}
            reader = Reader()
            async with transport.stream(PATH, params, silence_s=silence_s) as lines:
                async for line in lines:
                    message = reader.take(line)
                    if message is None:
                        continue
                    tried, lost_s = 0, None
                    cursor = message.get("cursor", cursor)
                    if message["type"] == "error":
                        break
                    yield message
        except ApiError as refused:
            if refused.status != 503:
                raise
            error = refused
        except httpx.TransportError as lost:
            error = lost
        tried += 1
        if on_lost is not None:
            on_lost(error)
        lost_s = lost_s or time.monotonic()
        if give_up_s is not None and time.monotonic() - lost_s >= give_up_s:
            raise transport.unreachable(error) from error
        await transport.sleep(transport.patience.wait_s(min(tried, 5)))
