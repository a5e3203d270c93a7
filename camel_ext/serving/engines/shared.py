"""The engine of another machine: `camel-ext engine`, asked by the platform's other processes.

A provider engine that says besides which model file and which adapter it means, by sha256, and sends an
adapter there, once, where the other end says that it lacks it. It runs no model (`local.py` does, there).
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import httpx
from pydantic import SecretStr

from camel_ext.core.clock import Clock
from camel_ext.core.hashing import file_sha256
from camel_ext.core.threads import Threads
from camel_ext.serving.engines.protocol import ChatReply, ChatRequest, Delta, Json, wire_body
from camel_ext.serving.engines.provider import ProviderEngine
from camel_ext.serving.engines.retry import RetryPolicy
from camel_ext.serving.errors import (
    AdapterNotHere,
    AdapterUnknown,
    EngineRefused,
    EngineUnavailable,
)

FIELD = "camel_ext"  # of a request: what is meant; of an answer: the facts of the model file
SEND_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class SharedModel:
    """Which model file is meant, as the registry has it."""

    file: str
    sha256: str | None
    context_tokens: int | None


@dataclass(frozen=True, slots=True)
class SharedFacts:
    """What an answer said of its model file."""

    quantization: str | None
    template_sha256: str | None


class SharedEngine(ProviderEngine):
    """Ask `camel-ext engine` at `url` for one model, with any adapter."""

    def __init__(
        self,
        name: str,
        url: str,
        model: SharedModel,
        *,
        clock: Clock,
        rng: Random,
        threads: Threads,
        api_key: SecretStr,
        retry: RetryPolicy | None = None,
    ) -> None:
        super().__init__(
            name, url.rstrip("/") + "/v1", clock=clock, rng=rng, api_key=api_key, retry=retry
        )
        self.facts: SharedFacts | None = None
        self._model, self._threads = model, threads
        self._hashes: dict[Path, str] = {}

    async def chat(self, request: ChatRequest, *, timeout_s: float) -> ChatReply:
        """Return the whole reply within `timeout_s`; an adapter that is missing there is sent."""
        request = await self._named(request)
        try:
            return self._learnt(await super().chat(request, timeout_s=timeout_s))
        except EngineRefused as error:
            await self._mend(request, error)
        return self._learnt(await super().chat(request, timeout_s=timeout_s))

    async def stream(
        self, request: ChatRequest, *, timeout_s: float
    ) -> AsyncGenerator[Delta | ChatReply, None]:
        """Give the reply piece by piece; an adapter that is missing there is sent before."""
        request, mended = await self._named(request), False
        while True:
            try:
                async with aclosing(super().stream(request, timeout_s=timeout_s)) as items:
                    async for item in items:
                        yield self._learnt(item) if isinstance(item, ChatReply) else item
                return
            except EngineRefused as error:
                if mended:
                    raise
                await self._mend(request, error)
                mended = True

    async def send_adapter(self, path: Path, sha256: str) -> None:
        """Put an adapter's file where the model is.

        Raises: EngineUnavailable.
        """
        content = await self._threads.run("work", path.read_bytes)
        try:
            answer = await self._client.put(
                f"adapters/{sha256}", content=content, timeout=SEND_TIMEOUT_S
            )
        except httpx.HTTPError as error:
            raise EngineUnavailable(
                f"the adapter {path.name} did not reach the engine {self.name!r}: {error!r}"
            ) from error
        if answer.status_code >= 300:
            raise EngineUnavailable(
                f"the engine {self.name!r} did not take the adapter {path.name} "
                f"({answer.status_code}: {answer.text[:200]})"
            )

    def _body(self, request: ChatRequest, *, stream: bool) -> bytes:
        meant: dict[str, Any] = {
            "file": self._model.file,
            "sha256": self._model.sha256,
            "context_tokens": self._model.context_tokens,
            "adapter": request.adapter_sha256,
        }
        return wire_body(request, stream=stream, extra={FIELD: meant})

    async def _named(self, request: ChatRequest) -> ChatRequest:
        """Return the request with its adapter's sha256."""
        path = request.adapter_path
        if path is None or request.adapter_sha256 is not None:
            return request
        if path not in self._hashes:
            self._hashes[path] = await self._threads.run("work", file_sha256, path)
        return replace(request, adapter_sha256=self._hashes[path])

    async def _mend(self, request: ChatRequest, error: EngineRefused) -> None:
        """Send the adapter where that was what the engine lacked; any other refusal is raised."""
        path, sha256 = request.adapter_path, request.adapter_sha256
        if error.fields.get("provider_status") != AdapterNotHere.status or not path or not sha256:
            raise error
        if not path.is_file():
            raise AdapterUnknown(
                f"neither the engine {self.name!r} nor this machine has the adapter {path} ({sha256}): "
                "ask once from the machine that trained it, or copy it into the models folder here"
            ) from error
        await self.send_adapter(path, sha256)

    def _learnt(self, reply: ChatReply) -> ChatReply:
        """Keep what the answer says of the model file; the log keeps the answer without it."""
        said: Json | None = reply.raw.get(FIELD)
        if not isinstance(said, dict):
            return reply
        self.facts = SharedFacts(said.get("quantization"), said.get("template_sha256"))
        return replace(reply, raw={key: kept for key, kept in reply.raw.items() if key != FIELD})
