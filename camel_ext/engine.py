"""The engine process: this machine's local model, served to the platform's processes on other machines.

OpenAI's chat completions behind one key, and adapters that come by their sha256. It knows no database,
no user and no alias: who may ask what was decided by whoever asks.
"""

import hmac
import re
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from camel_ext.app import Parts
from camel_ext.core.blobs import open_blobs
from camel_ext.core.datadir import DataDir
from camel_ext.core.disk import Disk
from camel_ext.core.errors import CamelExtError, TooLarge, Unauthorized
from camel_ext.serving.engines.protocol import ChatReply, ChatRequest, Delta, Engine, Json
from camel_ext.serving.engines.shared import FIELD
from camel_ext.serving.errors import AdapterNotHere, ModelFileWrong, RequestUnfit
from camel_ext.serving.gateway import DONE, Chunks, error_body, error_event, read_request
from camel_ext.serving.gateway_stream import ChatStream, while_there
from camel_ext.serving.stations import BUNDLED, ENGINE_KEY, local_engine, model_path, with_file
from camel_ext.settings import Settings

__all__ = ["ENGINE_KEY", "create_engine", "engine_key"]
ADAPTER_BYTES_MAX = 2 * 2**30
SHA256 = re.compile(r"[0-9a-f]{64}")
Handler = Callable[[Request], Awaitable[Response]]


class EngineKeyRefused(Unauthorized):
    """The engine's key did not come with the request: set serving.engine_key or its file."""


class Meant(msgspec.Struct):
    """What a request says of the model file and the adapter it means."""

    file: str = BUNDLED
    sha256: str | None = None
    context_tokens: int | None = None
    adapter: str | None = None


def engine_key(settings: Settings) -> SecretStr:
    """Return the key that others must send: as set, or from its file, which is written where there is none."""
    knobs = settings.serving
    if knobs.engine_key is not None:
        return knobs.engine_key
    path = knobs.engine_key_file or settings.data_dir.expanduser() / ENGINE_KEY
    if not path.exists():
        DataDir(path.parent).write_private(path.name, f"eng_{secrets.token_urlsafe(32)}\n")
    return SecretStr(path.read_text().strip())


@dataclass
class Engines:
    """The models of this machine that were asked for, each with its process."""

    settings: Settings
    parts: Parts

    def __post_init__(self) -> None:
        self._disk = Disk(self.parts.threads, self.parts.clock)
        self._blobs = open_blobs(self.settings.blobs, self.parts.clock, self._disk)
        self._engines: dict[tuple[str, int | None], Engine] = {}

    @property
    def adapters_dir(self) -> Path:
        """Return where adapters are kept, by hash."""
        return self.settings.data_dir.expanduser() / "models" / "sent"

    async def engine_for(self, meant: Meant) -> Engine:
        """Return the engine of a model file.

        Raises: ModelFileMissing, ModelFileWrong, RequestUnfit.
        """
        key = meant.file, meant.context_tokens
        if key not in self._engines:
            if Path(meant.file).name != meant.file:
                raise RequestUnfit(
                    f"{meant.file!r} is no name in this engine's models folder: a path is not served"
                )
            find = partial(
                self._disk.run, model_path, self.settings.data_dir, meant.file, meant.sha256
            )
            path = await with_file(self._blobs, self.settings.data_dir, meant.file, find)
            name = "bundled" if meant.file == BUNDLED else Path(meant.file).stem
            made = local_engine(self.parts, self.settings, name, path, meant.context_tokens)
            self._engines.setdefault(key, made)
        return self._engines[key]

    def adapter_path(self, digest: str) -> Path:
        """Return the place of an adapter.

        Raises: RequestUnfit.
        """
        if SHA256.fullmatch(digest) is None:
            raise RequestUnfit("an adapter is named by its sha256: 64 hexadecimal digits")
        return self.adapters_dir / f"{digest}.gguf"

    def facts(self, engine: Engine) -> Json:
        """Return what an interaction records of the model file."""
        facts = getattr(engine, "facts", None)
        if facts is None:
            return {}
        return {"quantization": facts.quantization, "template_sha256": facts.template_sha256}

    async def health(self) -> list[Json]:
        """Return how each model is."""
        return [
            {"file": file, "context_tokens": tokens, **msgspec.to_builtins(await each.health())}
            for (file, tokens), each in self._engines.items()
        ]

    async def close(self) -> None:
        """Stop their processes."""
        for each in self._engines.values():
            await each.close()


def create_engine(settings: Settings, key: SecretStr, parts: Parts | None = None) -> Starlette:
    """Build the engine's server; nothing is opened before its lifespan begins."""
    engines = Engines(settings, parts or Parts())

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        DataDir(settings.data_dir)
        try:
            yield
        finally:
            await engines.close()
            engines.parts.threads.close()

    def guarded(handler: Callable[[Engines, Request], Awaitable[Response]]) -> Handler:
        async def answer(request: Request) -> Response:
            try:
                sent = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
                if not hmac.compare_digest(sent.encode(), key.get_secret_value().encode()):
                    raise EngineKeyRefused()
                return await handler(engines, request)
            except CamelExtError as error:
                headers = {}
                if error.retry_after_s is not None:
                    headers["Retry-After"] = str(max(1, round(error.retry_after_s)))
                return JSONResponse(error_body(error), error.status, headers)

        return answer

    async def live(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    adapter = "/v1/adapters/{digest}"
    app = Starlette(
        routes=[
            Route("/health/live", live),
            Route("/v1/models", guarded(_models)),
            Route("/v1/chat/completions", guarded(_chat), methods=["POST"]),
            Route(adapter, guarded(_keep_adapter), methods=["PUT"]),
        ],
        lifespan=lifespan,
    )
    app.state.engines = engines
    return app


async def _models(engines: Engines, _request: Request) -> Response:
    shown = await engines.health()
    return JSONResponse(
        {"object": "list", "data": [{"id": BUNDLED, "object": "model"}], FIELD: shown}
    )


async def _keep_adapter(engines: Engines, request: Request) -> Response:
    """Keep a file under the hash it really has, whole or not at all."""
    digest = request.path_params["digest"]
    path = engines.adapter_path(digest)
    if path.is_file():
        return Response(status_code=204)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{digest}-{secrets.token_hex(4)}.part")
    seen, hashed = 0, sha256()
    try:
        with part.open("wb") as file:
            async for piece in request.stream():
                seen += len(piece)
                if seen > ADAPTER_BYTES_MAX:
                    raise TooLarge(f"an adapter has at most {ADAPTER_BYTES_MAX} bytes")
                hashed.update(piece)
                await engines.parts.threads.run("work", file.write, piece)
        if hashed.hexdigest() != digest:
            raise ModelFileWrong(f"what came has sha256 {hashed.hexdigest()} instead of {digest}")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return Response(status_code=201)


async def _chat(engines: Engines, request: Request) -> Response:
    body, meant = _read(await request.body())
    asked = read_request(body)
    engine = await engines.engine_for(meant)
    sent = ChatRequest(
        messages=asked.asked.messages,
        model=asked.alias,
        params=asked.asked.params,
        tools=asked.asked.tools,
        response_format=asked.asked.response_format,
        logprobs=asked.asked.logprobs,
    )
    if meant.adapter is not None:
        path = engines.adapter_path(meant.adapter)
        if not path.is_file():
            raise AdapterNotHere(f"this engine has no adapter {meant.adapter}: send it first")
        sent = replace(sent, adapter_path=path)
    timeout_s = engines.settings.serving.timeout_s
    if not asked.stream:
        reply = await while_there(request.receive, engine.chat(sent, timeout_s=timeout_s))
        answer = {**reply.raw, "system_fingerprint": reply.engine_build}
        return JSONResponse(answer | {FIELD: engines.facts(engine)})
    pieces = engine.stream(sent, timeout_s=timeout_s)
    first = await while_there(request.receive, anext(pieces))
    created = int(engines.parts.clock.now().timestamp())
    chunks = Chunks(f"chatcmpl-{secrets.token_hex(8)}", created, asked.alias, include_usage=True)
    return EngineStream(engines, engine, first, pieces, chunks)


def _read(raw: bytes) -> tuple[bytes, Meant]:
    """Return the body as any OpenAI client would send it, and what else was meant.

    Raises: RequestUnfit.
    """
    try:
        body: dict[str, Any] = msgspec.json.decode(raw, type=dict[str, Any])
        meant = msgspec.convert(body.pop(FIELD, {}), Meant)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RequestUnfit(f"the body cannot be read: {error}") from None
    return msgspec.json.encode(body), meant


class EngineStream(ChatStream):
    """The events of one answer; the last of them carries the counts and the model's facts."""

    def __init__(
        self,
        engines: Engines,
        engine: Engine,
        first: Delta | ChatReply,
        pieces: AsyncGenerator[Delta | ChatReply, None],
        chunks: Chunks,
    ) -> None:
        super().__init__(first, pieces, chunks, {})  # type: ignore[arg-type]
        self._engines, self._engine = engines, engine

    async def _events(self) -> AsyncGenerator[bytes, None]:
        item: Any = self._first
        try:
            while True:
                if isinstance(item, ChatReply):
                    yield await self._end(item)
                    return
                yield self._chunks.delta(item.raw)
                item = await anext(self._items)
        except CamelExtError as error:
            yield error_event(error)

    async def _end(self, reply: ChatReply) -> bytes:
        last: Json = {
            "id": self._chunks.answer_id,
            "object": "chat.completion.chunk",
            "created": self._chunks.created,
            "model": reply.model,
            "system_fingerprint": reply.engine_build,
            "choices": [],
            "usage": reply.raw.get("usage"),
            "timings": reply.raw.get("timings"),
            FIELD: self._engines.facts(self._engine),
        }
        end = self._chunks.end(reply.finish_reason, reply.logprobs)
        return end + b"data: " + msgspec.json.encode(last) + b"\n\n" + DONE
