"""The local engine: the bundled model (or another GGUF) on this machine, several calls at once.

It sends chats to the supervised server and retries what a dying server broke. It does not decide
which model or adapter serves whom, and it is not for models that need a GPU server of their own: run
vLLM and use the provider engine.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

from camel_ext.core.clock import Clock
from camel_ext.core.dependencies import Dependency, Policy
from camel_ext.core.errors import CamelExtError, Unavailable
from camel_ext.core.threads import Threads
from camel_ext.serving.engines.admission import Admission
from camel_ext.serving.engines.model_server import LocalOptions, ModelServer
from camel_ext.serving.engines.protocol import ChatReply, ChatRequest, Delta, Health, wire_body
from camel_ext.serving.engines.provider import MEANWHILE, is_failure
from camel_ext.serving.engines.retry import RetryPolicy, Tries
from camel_ext.serving.engines.supervisor import ModelFacts, Supervisor
from camel_ext.serving.errors import CircuitOpen, EngineTimeout, EngineUnavailable

HEALTH_TIMEOUT_S = 5.0
# Our own process, started again by its supervisor: soon tried anew, and nobody else's load to spare.
POLICY = Policy(timeout_s=120.0, tries=4, pause_s=0.25, failures=50, open_s=2.0, budget=100.0)


class LocalEngine:
    """Ask the model on this machine; its process starts with the first call, or with `start`.

    Adapter files never change once they were used: they are known by their path.
    """

    def __init__(
        self,
        name: str,
        options: LocalOptions,
        *,
        clock: Clock,
        rng: Random,
        threads: Threads,
        retry: RetryPolicy | None = None,
    ) -> None:
        self.name = name
        self._options, self._clock, self._rng = options, clock, rng
        self._retry = retry or RetryPolicy()
        policy = replace(
            POLICY, tries=self._retry.tries, pause_s=self._retry.base_s, at_once=options.inside_max
        )
        self.dependency = Dependency(
            clock,
            f"local model {name!r}",
            policy,
            lost="runs that ask it wait",
            meanwhile=MEANWHILE,
        )
        self._supervisor = Supervisor(options, clock=clock, rng=rng, threads=threads)
        # Threads that wait for one another spinning, on cores that two servers share, are ten times
        # slower (measured): there, calls of a draining server and of the next take turns.
        self._shared = None if options.fits_twice else Admission(options.inside_max, clock)

    @property
    def facts(self) -> ModelFacts | None:
        """Return sha256, quantization and template hash of the model; None before the start."""
        return self._supervisor.facts

    @property
    def pid(self) -> int | None:
        """Return the process id of the current server, None when none runs."""
        server = self._supervisor.current
        return server.pid if server else None

    async def start(self, *, timeout_s: float = 60.0) -> None:
        """Start the server now rather than with the first call."""
        await self._supervisor.ready(None, timeout_s)

    async def chat(self, request: ChatRequest, *, timeout_s: float) -> ChatReply:
        """Return the whole reply within `timeout_s`, waiting for the server's start included."""
        tries = self._tries(timeout_s)
        while True:
            tries.begin()
            try:
                async with self._entered(request.adapter_path, tries) as server:
                    sent = _body(request, server, stream=False)
                    reply = await server.chats.chat(sent, timeout_s=tries.left_s)
                return replace(reply, attempts=tries.count)
            except Unavailable as error:
                await tries.pause(error)

    async def stream(
        self, request: ChatRequest, *, timeout_s: float
    ) -> AsyncGenerator[Delta | ChatReply, None]:
        """Give the reply piece by piece; once a piece was given, a failure is not retried."""
        tries = self._tries(timeout_s)
        while True:
            tries.begin()
            given = False
            try:
                async with self._entered(request.adapter_path, tries) as server:
                    sent = _body(request, server, stream=True)
                    pieces = server.chats.stream(sent, timeout_s=tries.left_s)
                    async with aclosing(pieces) as items:
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

    def _tries(self, timeout_s: float) -> Tries:
        may_retry = self.dependency.may_retry
        return Tries(self._retry, self._clock, self._rng, timeout_s, may_retry)

    @asynccontextmanager
    async def _entered(self, adapter: Path | None, tries: Tries) -> AsyncIterator[ModelServer]:
        """Count a call inside a server that has its adapter, once it is its turn there.

        A server in which a call timed out is looked after.
        """
        with self.dependency.guard(is_failure, CircuitOpen):
            server = await self._supervisor.ready(adapter, tries.left_s)
            try:
                with server.lease():
                    admission = self._shared or server.admission
                    async with admission.admitted((server, adapter), tries.left_s):
                        self.dependency.in_use += 1
                        try:
                            yield server
                        finally:
                            self.dependency.in_use -= 1
            except EngineTimeout:
                self._supervisor.suspect(server)
                raise

    async def health(self) -> Health:
        """Say how the server is, without starting it."""
        server, facts = self._supervisor.current, self._supervisor.facts
        ok, detail = False, self._supervisor.last_error or "not started: it starts when needed"
        if server is not None:
            try:
                await server.side.get("health", timeout_s=HEALTH_TIMEOUT_S)
                ok, detail = True, f"answers, {len(server.adapter_ids)} adapters loaded"
            except CamelExtError as error:
                detail = error.detail
        return Health(
            ok=ok,
            detail=detail,
            engine_build=server.build if server else "unknown",
            model_sha256=facts.sha256 if facts else None,
            quantization=facts.quantization if facts else None,
            template_sha256=facts.template_sha256 if facts else None,
            restarts=self._supervisor.restarts,
        )

    async def metrics(self) -> str:
        """Return the server's own counters, in Prometheus' text form.

        Raises: EngineUnavailable when no server runs.
        """
        server = self._supervisor.current
        if server is None:
            raise EngineUnavailable(
                "The local model's server is not running, so it counts nothing."
            )
        raw = await server.side.get("/metrics", timeout_s=HEALTH_TIMEOUT_S)
        return raw.decode()

    async def close(self) -> None:
        """Stop the server's process."""
        await self._supervisor.close()


def _body(request: ChatRequest, server: ModelServer, *, stream: bool) -> bytes:
    """Serialise; the adapter is named by its number in this server, the others stay off.

    Where adapters are loaded, a call for the base model says so too: without the field, llama.cpp
    goes on with the prompt that an adapter computed in the same slot (measured: other words, and
    cached tokens of a prompt that the base had never seen).
    """
    if request.adapter_path is not None:
        choice = [{"id": server.adapter_ids[request.adapter_path], "scale": 1.0}]
    elif server.adapter_ids:
        choice = [{"id": 0, "scale": 0.0}]
    else:
        return wire_body(request, stream=stream)
    return wire_body(request, stream=stream, extra={"lora": choice})
