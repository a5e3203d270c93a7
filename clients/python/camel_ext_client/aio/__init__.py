"""The same client for asyncio: `AsyncClient` has the methods of `Client`, to be awaited.

    from camel_ext_client import AsyncClient

    async with AsyncClient("http://127.0.0.1:8000", key="cx_...") as client:
        run = await client.runs.start("solve", {"goal": "Name three rivers."})
        async for message in client.watch([f"*:{run['id']}"]):
            print(message)

`transport`, `feed` and `pages` are written by hand; all else is written from the modules beside this
folder by `make client`, so that both clients can never differ.
"""

from camel_ext_client.aio.client import AsyncClient

__all__ = ["AsyncClient"]
