"""A job that fails of a bug of ours and is queued again over HTTP, whichever room it works for."""

import asyncio
from typing import Any

from httpx import AsyncClient

from camel_ext.core.queue import TaskContext

LONG_S = 60.0
Json = dict[str, Any]


async def broken(_context: TaskContext, **_args: str) -> None:
    """What stands in for the room's task while it has the bug."""
    raise RuntimeError("a bug")


async def repeated(client: AsyncClient, **args: str) -> Json:
    """Queue again the job with these arguments, once it is written off; return the new job's arguments."""
    async with asyncio.timeout(LONG_S):
        while not (found := await _failed(client, args)):  # noqa: ASYNC110 - it is a row
            await asyncio.sleep(0.01)
    answer = await client.post(f"/api/v1/jobs/{found[0]['id']}/repeat")
    assert answer.status_code == 200, answer.text
    assert answer.json()["id"] != found[0]["id"]
    again: Json = answer.json()["args"]
    return again


async def _failed(client: AsyncClient, args: Json) -> list[Json]:
    jobs = (await client.get("/api/v1/jobs", params={"state": "failed"})).json()["items"]
    return [each for each in jobs if args.items() <= each["args"].items()]
