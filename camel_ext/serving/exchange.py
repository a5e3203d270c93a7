"""One call of a model under way: opened, asked, measured, recorded, however it ends.

An answer gives entries for its caller to commit; a failure and a caller who leaves are recorded from
here, by an append of their own that never hides what happened. It retries nothing (engines do).
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from camel_ext.core.errors import CamelExtError
from camel_ext.core.journal import Append
from camel_ext.core.runtime import Runtime
from camel_ext.interactions import Answer, Asker, Prompt, Purpose, Recorded
from camel_ext.registry import EngineKind, ResolvedModel
from camel_ext.serving.calls import Asked, Caller, Json, Served
from camel_ext.serving.conversations import take_place, thread_of
from camel_ext.serving.engines.folding import Folder
from camel_ext.serving.engines.protocol import ChatReply, ChatRequest, Delta, wire_body
from camel_ext.serving.errors import CallAborted
from camel_ext.serving.process import serving_of
from camel_ext.serving.remembering import is_deterministic, key_of
from camel_ext.serving.stations import Station

log = logging.getLogger(__name__)
REMEMBERED = "remembered"  # the tag of a call that was answered from memory
BOUNDS = ("max_tokens", "max_completion_tokens", "n_predict")  # three names of one parameter


class Exchange:
    """One call. Use `whole` or `pieces`, once."""

    def __init__(
        self,
        runtime: Runtime,
        caller: Caller,
        model: ResolvedModel,
        asked: Asked,
        interaction_id: UUID,
    ) -> None:
        self.id = interaction_id
        self._runtime, self._caller, self._asked = runtime, caller, asked
        self._model = model if model.alias else replace(model, alias=caller.alias)
        self._serving = serving_of(runtime)
        self._request = _request(self._model, asked, self._serving.max_tokens)
        self._station: Station | None = None
        self._began_s = runtime.clock.monotonic_s()
        self._ttft_ms: float | None = None
        self._heard: Folder | None = None
        self._thread = thread_of(asked.thread)
        self._place: tuple[str, str] | None = None  # under which its answer may be kept

    async def whole(self) -> Served:
        """Return the answer at once."""
        try:
            found = await self._find()
            if found is not None:
                return self._again(found)
            station = await self._open()
            async with station.admitted():
                self._began_s = self._runtime.clock.monotonic_s()
                reply = await station.engine.chat(self._request, timeout_s=station.timeout_s)
            await self._keep(reply)
        except CamelExtError as error:
            await self._record_failure(error)
            raise
        except asyncio.CancelledError:
            self._record_leaving()
            raise
        return self._served(reply)

    async def pieces(self) -> AsyncGenerator[Delta | Served, None]:
        """Give the answer piece by piece; the last item is the Served."""
        self._heard = Folder()
        reply = None
        try:
            found = await self._find()
            if found is not None:
                for delta in _deltas(found):
                    yield delta
                yield self._again(found)
                return
            station = await self._open()
            async with station.admitted():
                self._began_s = self._runtime.clock.monotonic_s()
                items = station.engine.stream(self._request, timeout_s=station.timeout_s)
                async with aclosing(items):
                    async for item in items:
                        if isinstance(item, ChatReply):
                            reply = item
                        else:
                            self._hear(item)
                            yield item
            if reply is not None:
                await self._keep(reply)
        except CamelExtError as error:
            await self._record_failure(error)
            raise
        except (asyncio.CancelledError, GeneratorExit):
            self._record_leaving()
            raise
        assert reply is not None, "an engine's stream ends with a reply, or raises"
        yield self._served(reply)

    async def _find(self) -> ChatReply | None:
        """Return the answer that was given before to this very question, where one will do."""
        answers = self._serving.answers
        wanted = self._asked.remembered or answers.for_all
        measured = self._caller.purpose == Purpose.EVAL  # what is examined is asked
        if not wanted or measured or not is_deterministic(self._request):
            return None
        key = key_of(self._model, self._request)
        found, era = await answers.find(self._caller.tenant, key)
        self._place = None if found is not None else (key, era)
        return found

    async def _keep(self, reply: ChatReply) -> None:
        if self._place is not None:
            await self._serving.answers.keep(self._caller.tenant, *self._place, reply)

    def _again(self, reply: ChatReply) -> Served:
        """Return an answer from memory, recorded as what it is: nothing was computed, or paid for."""
        sent = wire_body(self._request, stream=self._heard is not None)
        usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
        served = self._served(
            replace(reply, sent=sent, prompt_tokens=0, completion_tokens=0, cached_tokens=None),
            tags=(REMEMBERED,),
        )
        return replace(served, usage=usage, remembered=True)

    async def _open(self) -> Station:
        self._station = station = await self._serving.station_for(self._model)
        adapter = self._model.adapter
        if adapter is not None:
            path = await self._serving.adapter_path(adapter)
            self._request = replace(self._request, adapter_path=path, adapter_sha256=adapter.sha256)
        return station

    def _hear(self, delta: Delta) -> None:
        assert self._heard is not None
        if self._ttft_ms is None and (delta.text or delta.tool_calls):
            self._ttft_ms = self._since_ms()
        self._heard.add({"choices": [{"index": 0, "delta": delta.raw}]})

    def _served(self, reply: ChatReply, tags: tuple[str, ...] = ()) -> Served:
        counted = reply.usage_known
        answer = Answer(
            total_ms=self._since_ms(),
            raw=reply.raw,
            finish_reason=reply.finish_reason,
            prompt_tokens=reply.prompt_tokens if counted else None,
            completion_tokens=reply.completion_tokens if counted else None,
            cached_tokens=reply.cached_tokens,
            ttft_ms=self._ttft_ms,
            **self._facts(reply.engine_build),
        )
        recorded = self._record(reply.sent, answer, tags)
        take_place(self._asked.thread, self._thread, recorded)
        return Served(
            interaction_id=self.id,
            id=reply.id,
            model=reply.model,
            message=reply.message,
            finish_reason=reply.finish_reason,
            usage={
                "prompt_tokens": reply.prompt_tokens,
                "completion_tokens": reply.completion_tokens,
                "total_tokens": reply.prompt_tokens + reply.completion_tokens,
            },
            entries=recorded.entries,
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
            cost_usd_micros=recorded.cost_usd_micros,
            total_ms=answer.total_ms,
            reply=reply,
            keep=recorded.keep,
        )

    async def _record_failure(self, error: CamelExtError) -> None:
        """Append what failed; if that fails too, the log of the process says so, and no more."""
        append = self._failed(error)
        if append is not None:
            await self._append(append)

    def _record_leaving(self) -> None:
        """Append in the background that the caller left: nobody waits, least of all a stop."""
        append = self._failed(CallAborted())
        if append is not None:
            self._serving.spawn(self._append(append))

    def _failed(self, error: CamelExtError) -> Append | None:
        try:
            sent = wire_body(self._request, stream=self._heard is not None)
        except CamelExtError:  # it never became a request
            return None
        partial = None if self._heard is None or self._ttft_ms is None else self._heard.body()
        answer = Answer(
            total_ms=self._since_ms(),
            raw=partial,
            ttft_ms=self._ttft_ms,
            error_code=error.code,
            error_detail=error.detail,
            **self._facts(None),
        )
        recorded = self._record(sent, answer)
        return Append(self._caller.tenant, recorded.entries)

    async def _append(self, append: Append) -> None:
        try:
            await self._runtime.gate.append(append)
        except (CamelExtError, SQLAlchemyError) as error:
            log.error("the failed call %s could not be recorded: %s", self.id, error)

    def _record(self, sent: bytes, answer: Answer, tags: tuple[str, ...] = ()) -> Recorded:
        caller, asked = self._caller, self._asked
        version = caller.agent_version_id
        asker = Asker(
            tenant=caller.tenant,
            principal_id=caller.principal_id,
            source=caller.source,
            purpose=Purpose(caller.purpose),
            session=caller.session,
            tags=(*caller.tags, *tags),
            agent_id=caller.agent_id,
            agent_version=None if version is None else str(version),
            run_id=caller.run_id,
            step_key=caller.step_key,
            forked_from_id=caller.forked_from_id,
            # A failure does not use it up: the client will try again under the same.
            external_id=caller.external_id if answer.error_code is None else None,
            trace_id=caller.trace_id,
        )
        prompt = Prompt(
            asked.messages, sent, self._request.params, asked.tools, asked.response_format,
            asked.shared,
        )  # fmt: skip
        return self._serving.recorder.record(
            asker, self._model, prompt, answer, thread=self._thread, interaction_id=self.id
        )

    def _facts(self, build: str | None) -> dict[str, Any]:
        facts = {} if self._station is None else self._station.facts()
        return {"engine_build": build, **facts}

    def _since_ms(self) -> float:
        return round((self._runtime.clock.monotonic_s() - self._began_s) * 1000.0, 3)


def _request(model: ResolvedModel, asked: Asked, max_tokens: int) -> ChatRequest:
    """Return what the engine gets: the version's own parameters, and the caller's over them.

    A small model often finds no end: without a bound it fills its context, and others wait for it.
    Providers have bounds of their own.
    """
    params: Json = {**model.config.get("extra", {}), **asked.params}
    if model.engine == EngineKind.LOCAL and all(params.get(name) is None for name in BOUNDS):
        params["max_tokens"] = max_tokens
    return ChatRequest(
        messages=asked.messages,
        model=str(model.config.get("model") or model.name),
        params=params,
        tools=asked.tools or None,
        response_format=asked.response_format,
        logprobs=asked.logprobs,
    )


def _deltas(reply: ChatReply) -> Iterator[Delta]:
    """Give a whole answer as the pieces of a stream: what it says, and which tools it calls."""
    calls = reply.message.get("tool_calls")
    raw: Json = {"role": "assistant", "content": reply.text or None}
    if calls:
        raw["tool_calls"] = [{"index": place, **call} for place, call in enumerate(calls)]
    yield Delta(reply.text, raw, "assistant", raw.get("tool_calls"))
