"""The thin Python client of CAMEL Extensions: the HTTP API as methods, and the live feed.

    from camel_ext_client import Client

    with Client("http://127.0.0.1:8000", key="cx_...") as client:
        run = client.runs.start("solve", {"goal": "Name three rivers."})
        for message in client.watch([f"*:{run['id']}"]):
            print(message)

Answers are plain dicts with types beside them (`camel_ext_client.shapes`). It needs httpx and nothing
of the server; it keeps no state and knows no business: what is allowed, the server says.
"""

from camel_ext_client.client import Client
from camel_ext_client.errors import ApiError, ClientError, Unreachable
from camel_ext_client.feed import Message

__all__ = ["ApiError", "Client", "ClientError", "Message", "Unreachable"]
