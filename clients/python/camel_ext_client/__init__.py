"""The thin Python client of CAMEL Extensions: the HTTP API as methods, and the live feed.

    from camel_ext_client import Client

    with Client("http://127.0.0.1:8000", key="cx_...") as client:
        run = client.runs.start("solve", {"goal": "Name three rivers."})
        for message in client.watch([f"*:{run['id']}"]):
            print(message)

`AsyncClient` has the same methods for asyncio. A `Client` may be used from several threads. Answers
are plain dicts with types beside them (`camel_ext_client.shapes`). It needs httpx and nothing of the
server; it keeps no state and knows no business: what is allowed, the server says.
"""

from typing import TYPE_CHECKING, Any

from camel_ext_client.client import Client
from camel_ext_client.errors import ApiError, ClientError, Unreachable
from camel_ext_client.feed import Message
from camel_ext_client.transport import Patience

if TYPE_CHECKING:
    from camel_ext_client.aio import AsyncClient

__all__ = [
    "ApiError",
    "AsyncClient",
    "Client",
    "ClientError",
    "Message",
    "Patience",
    "Unreachable",
]


def __getattr__(name: str) -> Any:
    if name == "AsyncClient":  # who does not use it does not wait for it
        from camel_ext_client.aio import AsyncClient

        return AsyncClient
    raise AttributeError(name)
