"""One try of one chat call over HTTP: send the bytes, read the answer, name what went wrong.

Both engines stand on it. It does not retry, keeps no breaker, and starts no process.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import msgspec
from pydantic import SecretStr

from camel_ext.core.clock import Clock
from camel_ext.core.errors import CamelExtError
from camel_ext.serving.engines import folding
from camel_ext.serving.engines.protocol import ChatReply, Delta
from camel_ext.serving.errors import (
    EngineBusy,
    EngineGarbled,
    EngineRefused,
    EngineTimeout,
    EngineUnavailable,
)

CONNECT_TIMEOUT_S = 5.0
RETRY_AFTER_MAX_S = 3600.0


def open_client(
    base_url: str,
    *,
    api_key: SecretStr | None,
    connections_max: int = 100,
    keepalive_s: float = 15.0,
) -> httpx.AsyncClient:
    """Return a client with keep-alive for one endpoint: no proxy from the environment, no redirects.

    It has no read timeout: each try has a deadline of its own around it, which also ends a server
    that drips one byte a second.
    """
    headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
    if api_key is not None:
        headers["Authorization"] = f"Bearer {api_key.get_secret_value()}"
    # Plain HTTP needs no certificates: loading the usual ones takes 15 ms of CPU a client.
    verify = True if base_url.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx.AsyncClient(
        verify=verify,
        base_url=base_url.rstrip("/") + "/",
        headers=headers,
        timeout=httpx.Timeout(None, connect=CONNECT_TIMEOUT_S),
        limits=httpx.Limits(
            max_connections=connections_max,
            max_keepalive_connections=connections_max,
            keepalive_expiry=keepalive_s,
        ),
        follow_redirects=False,
        trust_env=False,
    )


class Endpoint:
    """An OpenAI-compatible address, asked once per call."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        clock: Clock,
        *,
        who: str,
        api_key: SecretStr | None = None,
        build: str | None = None,
    ) -> None:
        self._client, self._clock, self._who, self._build = client, clock, who, build
        self._api_key = api_key

    async def chat(self, sent: bytes, *, timeout_s: float) -> ChatReply:
        """Send the body and return the whole reply.

        Raises: EngineUnavailable, EngineBusy, EngineGarbled, EngineTimeout; EngineRefused.
        """
        start_s = self._clock.monotonic_s()
        with self._named(timeout_s):
            async with (
                asyncio.timeout(timeout_s),
                self._client.stream("POST", "chat/completions", content=sent) as response,
            ):
                raw = await _read(response)
        if response.status_code != 200:
            raise self._error(response, raw)
        return folding.read_reply(
            raw, sent=sent, ttft_ms=None, total_ms=self._since_ms(start_s), build=self._build
        )

    async def stream(
        self, sent: bytes, *, timeout_s: float
    ) -> AsyncGenerator[Delta | ChatReply, None]:
        """Send the body and give the reply piece by piece; the last item is the ChatReply."""
        start_s, ttft_ms, folder = self._clock.monotonic_s(), None, folding.Folder()
        async with aclosing(self._events(sent, timeout_s)) as events:
            async for event in events:
                delta = folder.add(self._chunk(event))
                if delta is not None:
                    if ttft_ms is None and (delta.text or delta.tool_calls):
                        ttft_ms = self._since_ms(start_s)
                    yield delta
        if folder.finish_reason is None:
            raise EngineUnavailable(
                f"{self._who} ended its stream half way; the reply is not complete. Ask again."
            )
        total_ms = self._since_ms(start_s)
        yield folding.reply_of(
            folder.body(), b"", sent=sent, ttft_ms=ttft_ms, total_ms=total_ms, build=self._build
        )

    async def get(self, path: str, *, timeout_s: float) -> bytes:
        """Return the body of a GET; a path from the root (`/metrics`) leaves the base path out."""
        with self._named(timeout_s):
            async with (
                asyncio.timeout(timeout_s),
                self._client.stream("GET", self._client.base_url.join(path)) as response,
            ):
                raw = await _read(response)
        if response.status_code != 200:
            raise self._error(response, raw)
        return raw

    async def _events(self, sent: bytes, timeout_s: float) -> AsyncGenerator[bytes, None]:
        """Give the events until [DONE]; each wait for one is bounded by the call's deadline.

        A timeout scope must not be open across a `yield` (it would cancel the consumer), so it is
        opened around each read.
        """
        deadline_s = asyncio.get_running_loop().time() + timeout_s
        request = self._client.build_request("POST", "chat/completions", content=sent)
        with self._named(timeout_s):
            async with asyncio.timeout_at(deadline_s):
                response = await self._client.send(request, stream=True)
        try:
            if response.status_code != 200:
                with self._named(timeout_s):
                    async with asyncio.timeout_at(deadline_s):
                        raw = await _read(response)
                raise self._error(response, raw)
            events = folding.read_events(response.aiter_raw())
            async with aclosing(events):
                while True:
                    with self._named(timeout_s):
                        async with asyncio.timeout_at(deadline_s):
                            event = await anext(events, None)
                    if event is None or event == b"[DONE]":
                        return
                    yield event
        finally:
            await response.aclose()

    def _chunk(self, event: bytes) -> dict[str, Any]:
        """Return the chunk in an event; an error sent inside a stream is raised."""
        chunk = folding.decode(event)
        error = chunk.get("error")
        if error:
            code = error.get("code") if isinstance(error, dict) else None
            refused = isinstance(code, int) and 400 <= code < 500 and code != 429
            kind = EngineRefused if refused else EngineUnavailable
            raise kind(f"{self._who} stopped the stream: {self._scrubbed(_message(event))}")
        return chunk

    def _error(self, response: httpx.Response, raw: bytes) -> CamelExtError:
        """Return the error that an answer other than 200 stands for."""
        status, said = response.status_code, self._scrubbed(_message(raw))
        wait_s = self._retry_after_s(response)
        if status == 429:
            return EngineBusy(
                f"{self._who} is at its limit (429: {said}); the call may work a little later.",
                retry_after_s=wait_s,
            )
        if status >= 500 or status in {408, 425}:
            return EngineUnavailable(
                f"{self._who} failed ({status}: {said}); the call may work a little later.",
                retry_after_s=wait_s,
            )
        if 300 <= status < 400:
            said = "it redirects elsewhere, which is never followed; set its final address"
        elif status in {401, 403}:
            said += " - check its API key"
        return EngineRefused(
            f"{self._who} refused the call ({status}: {said}); nothing was generated. Change the "
            "request or the endpoint's settings before you send it again.",
            provider_status=status,
        )

    def _retry_after_s(self, response: httpx.Response) -> float | None:
        """Read Retry-After (seconds, or a date), bounded."""
        value = response.headers.get("retry-after", "").strip()
        if not value:
            return None
        try:
            seconds = float(value)
        except ValueError:
            try:
                seconds = (parsedate_to_datetime(value) - self._clock.now()).total_seconds()
            except (ValueError, TypeError):
                return None
        return min(max(seconds, 0.0), RETRY_AFTER_MAX_S) if seconds == seconds else None

    def _scrubbed(self, said: str) -> str:
        """Return a provider's words without our key, which some of them repeat."""
        secret = self._api_key.get_secret_value() if self._api_key else ""
        return said.replace(secret, "[key]") if secret else said

    def _since_ms(self, start_s: float) -> float:
        return (self._clock.monotonic_s() - start_s) * 1000.0

    @contextmanager
    def _named(self, timeout_s: float) -> Iterator[None]:
        """Turn what a socket can do to us into errors of serving."""
        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise EngineUnavailable(
                f"{self._who} cannot be reached ({type(error).__name__}); is it running, and is its "
                "address right?"
            ) from error
        except (TimeoutError, httpx.TimeoutException) as error:
            raise EngineTimeout(
                f"{self._who} did not finish within the {timeout_s:.1f} s that were left; the reply "
                "is lost. Allow more time or fewer tokens."
            ) from error
        except httpx.DecodingError as error:
            raise EngineGarbled(f"{self._who} sent a body that cannot be decoded.") from error
        except httpx.TransportError as error:
            raise EngineUnavailable(
                f"{self._who} broke the connection ({type(error).__name__}); the reply is lost. "
                "The call may work a little later."
            ) from error


async def _read(response: httpx.Response) -> bytes:
    """Return the whole body, bounded."""
    pieces, seen = [], 0
    async for piece in response.aiter_raw():
        seen += len(piece)
        if seen > folding.REPLY_BYTES_MAX:
            raise folding.too_long()
        pieces.append(piece)
    return b"".join(pieces)


def _message(raw: bytes) -> str:
    """Return the words of an error answer, short: OpenAI's form, or the start of the text."""
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        body = None
    if isinstance(body, dict):
        error = body.get("error", body)
        said = error.get("message") if isinstance(error, dict) else error
        if isinstance(said, str):
            return said[:500]
    return raw[:200].decode("utf-8", "replace").strip() or "no message"
