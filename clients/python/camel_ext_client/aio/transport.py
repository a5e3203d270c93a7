"""One request with its retries, for asyncio; when a try may be repeated stands in the other transport."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from camel_ext_client.transport import SAFE, Json, Patience, Wire, an_address, retry_after_s, told


class AsyncTransport(Wire):
    """Sends requests to one server with one key."""

    def __init__(
        self,
        url: str,
        key: str | None,
        *,
        timeout_s: float,
        patience: Patience | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.url = url.rstrip("/")
        self.patience = patience or Patience()
        self.sleep = sleep
        self._timeout_s = timeout_s
        with an_address(self.url):
            self._http = httpx.AsyncClient(transport=transport, **told(self.url, key, timeout_s))
        self._builder = self._http

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def get(self, path: str, **params: Any) -> Any:
        """Read; parameters that are None are left out."""
        return await self.send("GET", path, params=params)

    async def read(self, path: str) -> bytes:
        """Read the very bytes of an answer."""
        return (await self._exchange("GET", path)).content

    async def create(self, path: str, body: Json) -> Any:
        """Create with a fresh Idempotency-Key, which all tries carry."""
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        return await self.send("POST", path, body=body, headers=headers)

    async def post_raw(self, path: str, raw: bytes, media_type: str, **params: Any) -> Any:
        """Send bytes that are no JSON, to a route that takes the same twice without harm."""
        headers = {"Content-Type": media_type, "Idempotency-Key": str(uuid.uuid4())}
        return self._answer(await self._exchange("POST", path, params, None, headers, raw))

    async def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Json | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Send one request, with its retries, and return the JSON that it answered.

        Raises: ApiError, Unreachable.
        """
        return self._answer(await self._exchange(method, path, params, body, headers))

    async def _exchange(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        body: Json | None = None,
        headers: Mapping[str, str] | None = None,
        raw: bytes | None = None,
    ) -> httpx.Response:
        request = self._build(method, path, params, body, headers, raw=raw)
        repeatable = method in SAFE or "Idempotency-Key" in request.headers
        for tried in range(self.patience.tries):
            last = tried + 1 == self.patience.tries
            asked_s = None
            try:
                response = await self._http.send(request)
                if response.status_code != 503 or last:
                    return self._checked(response)
                asked_s = retry_after_s(response)
            except httpx.TransportError as error:
                sent = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
                if last or (sent and not repeatable):
                    raise self.unreachable(error) from error
            await self.sleep(self.patience.wait_s(tried, asked_s))
        raise AssertionError("a last try returns or raises")

    @asynccontextmanager
    async def stream(
        self, path: str, params: Mapping[str, Any], *, silence_s: float
    ) -> AsyncIterator[AsyncIterator[str]]:
        """Open a response that goes on, as lines; silence longer than that is a lost connection.

        Raises: ApiError, httpx.TransportError.
        """
        async with self._opened(path, params, silence_s, "text/event-stream") as response:
            yield response.aiter_lines()

    @asynccontextmanager
    async def download(
        self, path: str, params: Mapping[str, Any], *, silence_s: float
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open a file of the server, as bytes that are held some at a time.

        Raises: ApiError, httpx.TransportError.
        """
        async with self._opened(path, params, silence_s, "*/*") as response:
            yield response.aiter_bytes()

    @asynccontextmanager
    async def _opened(
        self, path: str, params: Mapping[str, Any], silence_s: float, accept: str
    ) -> AsyncIterator[httpx.Response]:
        request = self._opening(path, params, silence_s, accept)
        response = await self._http.send(request, stream=True)
        try:
            if response.status_code != 200:
                await response.aread()
                self._checked(response)
            yield response
        finally:
            await response.aclose()
