"""The provider engine: any OpenAI-compatible endpoint, behind a policy of its own.

A hosted API, a user's own vLLM, another llama.cpp. It is not the local engine: it starts no process,
and it cannot load adapters, so a request that wants one is refused.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from random import Random

import httpx
from pydantic import SecretStr

from camel_ext.core.clock import Clock
from camel_ext.core.dependencies import Circuit, Dependency, Policy
from camel_ext.core.errors import CamelExtError, Invalid, Unavailable
from camel_ext.serving.engines.http import Endpoint, open_client
from camel_ext.serving.engines.protocol import ChatReply, ChatRequest, Delta, Health, wire_body
from camel_ext.serving.engines.retry import RetryPolicy, Tries
from camel_ext.serving.errors import AdapterUnknown, CircuitOpen, EngineBusy, EngineTimeout

HEALTH_TIMEOUT_S = 5.0
POLICY = Policy(timeout_s=120.0, tries=4, pause_s=0.25, failures=5, open_s=15.0, at_once=100)
LOST = "runs that ask it wait"
MEANWHILE = "runs that wait for it resume by themselves; other models and all else go on"


def is_failure(error: Exception) -> bool:
    """Tell whether an endpoint failed: a refusal (4xx) or "too many requests" is an answer."""
    return isinstance(error, Unavailable) and not isinstance(error, EngineBusy)


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
        policy: Policy = POLICY,
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
        self._retry = retry or RetryPolicy(policy.tries, policy.pause_s)
        who = f"The endpoint {name!r}"
        policy = replace(policy, tries=self._retry.tries, pause_s=self._retry.base_s)
        self.dependency = Dependency(
            clock, f"endpoint {name!r}", policy, lost=LOST, meanwhile=MEANWHILE
        )
        self._client = open_client(base_url, api_key=api_key, connections_max=policy.at_once)
        self._client.headers.update(headers or {})
        self._endpoint = Endpoint(self._client, clock, who=who, api_key=api_key)

    def __repr__(self) -> str:
        return f"ProviderEngine({self.name!r}, {str(self._client.base_url)!r})"

    @property
    def circuit(self) -> str:
        """Return the breaker's state: closed, open or half-open."""
        return self.dependency.circuit

    def _tries(self, timeout_s: float) -> Tries:
        may_retry = self.dependency.may_retry
        return Tries(self._retry, self._clock, self._rng, timeout_s, may_retry)

    @asynccontextmanager
    async def _let_through(self, tries: Tries) -> AsyncIterator[None]:
        """Hold a place for one try while the block lasts, and learn from how it ends.

        Raises: EngineTimeout where no place became free in time; CircuitOpen.
        """
        places = self.dependency.place(tries.begin())
        if self.dependency.circuit is Circuit.OPEN:
            self.dependency.check(CircuitOpen)  # it refuses, and nobody waits for a place for that
        try:
            await places.__aenter__()
        except TimeoutError:
            raise EngineTimeout(
                f"The endpoint {self.name!r} was busy with {self.dependency.policy.at_once} other "
                "calls of ours for all the time that this one had; it was not sent."
            ) from None
        try:
            with self.dependency.guard(is_failure, CircuitOpen):
                yield
        finally:
            await places.__aexit__(None, None, None)

    async def chat(self, request: ChatRequest, *, timeout_s: float) -> ChatReply:
        """Return the whole reply within `timeout_s`, all tries and pauses included."""
        sent = self._body(request, stream=False)
        tries = self._tries(timeout_s)
        while True:
            try:
                async with self._let_through(tries):
                    reply = await self._endpoint.chat(sent, timeout_s=tries.left_s)
                return replace(reply, attempts=tries.count)
            except Unavailable as error:
                await tries.pause(error)

    async def stream(
        self, request: ChatRequest, *, timeout_s: float
    ) -> AsyncGenerator[Delta | ChatReply, None]:
        """Give the reply piece by piece; once a piece was given, a failure is not retried."""
        sent = self._body(request, stream=True)
        tries = self._tries(timeout_s)
        while True:
            given = False
            try:
                async with (
                    self._let_through(tries),
                    aclosing(self._endpoint.stream(sent, timeout_s=tries.left_s)) as items,
                ):
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
        if self.dependency.circuit is Circuit.OPEN:
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
