"""The provider engine: any OpenAI-compatible endpoint, with retries and a circuit breaker.

A hosted API, a user's own vLLM, another llama.cpp. It is not the local engine: it starts no process,
and it cannot load adapters, so a request that wants one is refused.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from random import Random

import httpx
from pydantic import SecretStr

from camel_ext.core.clock import Clock
from camel_ext.core.errors import CamelExtError, Invalid, Unavailable
from camel_ext.serving.engines.breaker import Breaker
from camel_ext.serving.engines.http import Endpoint, open_client
from camel_ext.serving.engines.protocol import ChatReply, ChatRequest, Delta, Health, wire_body
from camel_ext.serving.engines.retry import RetryPolicy, Tries
from camel_ext.serving.errors import AdapterUnknown

HEALTH_TIMEOUT_S = 5.0


class ProviderEngine:
    """Ask one OpenAI-compatible endpoint; `base_url` ends where `/chat/completions` begins.

    The key is handed in as a value and stays inside: no repr, log or error holds it. `headers` go
    with each call; none of them is a secret.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        clock: Clock,
        rng: Random,
        api_key: SecretStr | None = None,
        retry: RetryPolicy | None = None,
        breaker: Breaker | None = None,
        connections_max: int = 100,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        url = httpx.URL(base_url)
        if url.scheme not in {"http", "https"} or not url.host or url.userinfo:
            raise Invalid(
                f"The endpoint {name!r} has no usable address; give http(s)://host[:port]/v1, and "
                "the key by its own field."
            )
        self.name = name
        self._clock, self._rng = clock, rng
        self._retry = retry or RetryPolicy()
        who = f"The endpoint {name!r}"
        self.breaker = breaker or Breaker(clock, who=who)
        self._client = open_client(base_url, api_key=api_key, connections_max=connections_max)
        self._client.headers.update(headers or {})
        self._endpoint = Endpoint(self._client, clock, who=who, api_key=api_key)

    def __repr__(self) -> str:
        return f"ProviderEngine({self.name!r}, {str(self._client.base_url)!r})"

    @property
    def circuit(self) -> str:
        """Return the breaker's state: closed, open or half-open."""
        return self.breaker.state

    async def chat(self, request: ChatRequest, *, timeout_s: float) -> ChatReply:
        """Return the whole reply within `timeout_s`, all tries and pauses included."""
        sent = self._body(request, stream=False)
        tries = Tries(self._retry, self._clock, self._rng, timeout_s)
        while True:
            left_s = tries.begin()
            try:
                with self.breaker.guard():
                    reply = await self._endpoint.chat(sent, timeout_s=left_s)
                return replace(reply, attempts=tries.count)
            except Unavailable as error:
                await tries.pause(error)

    async def stream(
        self, request: ChatRequest, *, timeout_s: float
    ) -> AsyncGenerator[Delta | ChatReply, None]:
        """Give the reply piece by piece; once a piece was given, a failure is not retried."""
        sent = self._body(request, stream=True)
        tries = Tries(self._retry, self._clock, self._rng, timeout_s)
        while True:
            left_s, given = tries.begin(), False
            try:
                with self.breaker.guard():
                    async with aclosing(self._endpoint.stream(sent, timeout_s=left_s)) as items:
                        async for item in items:
                            given = True
                            if isinstance(item, ChatReply):
                                item = replace(item, attempts=tries.count)
                            yield item
                return
            except Unavailable as error:
                if given:
                    raise
                await tries.pause(error)

    async def health(self) -> Health:
        """Ask for the list of models, which every such API has; an open circuit is not asked."""
        if self.breaker.state == "open":
            return Health(ok=False, detail="circuit open after failures in a row")
        try:
            await self._endpoint.get("models", timeout_s=HEALTH_TIMEOUT_S)
        except CamelExtError as error:
            return Health(ok=False, detail=error.detail)
        return Health(ok=True, detail="answers")

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _body(self, request: ChatRequest, *, stream: bool) -> bytes:
        if request.adapter_path is not None:
            raise AdapterUnknown(
                f"The endpoint {self.name!r} cannot load the adapter {request.adapter_path.name!r}; "
                "use the local engine, or an endpoint that serves the adapter under its own name."
            )
        return wire_body(request, stream=stream)
