"""What serving keeps for the life of a process: open engines, the recorder, calls being recorded.

One engine object per endpoint, made when it is first asked and closed at the end. It answers no call
itself (`exchange.py`).
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Hashable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID
from weakref import WeakValueDictionary

from sqlalchemy import Connection

from camel_ext.core import jobs
from camel_ext.core.blobs import blobs_of
from camel_ext.core.caching import Remembered
from camel_ext.core.concurrency import MODEL
from camel_ext.core.dependencies import Circuit, Condition, Dependency, Seen
from camel_ext.core.errors import InsufficientStorage, Unavailable
from camel_ext.core.gate import Signals
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.interactions import Recorder
from camel_ext.registry import AliasResolved, EngineKind, ResolvedAdapter, ResolvedModel
from camel_ext.serving.engines.protocol import Engine
from camel_ext.serving.errors import EngineUnavailable, ModelFileMissing
from camel_ext.serving.remembering import Answers
from camel_ext.serving.stations import (
    BUNDLED,
    Factory,
    Station,
    model_path,
    open_station,
    shared_engine,
    station_key,
    with_file,
)
from camel_ext.settings import Settings

log = logging.getLogger(__name__)
EXTRA = "serving"
T = TypeVar("T")


class Serving:
    """The engines of this process. It belongs to the event loop.

    Tests and benches put an engine in the place of a model's own, for one model by its name or a
    version's id, or for every model; what is put in is closed with the rest:

        serving_of(runtime).use(FakeEngine())               # whatever the model
        serving_of(runtime).use(FakeEngine(), "smollm2")    # that model, each of its versions
        serving_of(runtime).use(FakeEngine(), version_id)   # that version, or that adapter's
        serving_of(runtime).factory = lambda model: ...     # decide by the model; None: the real one
    """

    def __init__(self, runtime: Runtime, settings: Settings) -> None:
        self.recorder = Recorder(runtime.clock, runtime.new_id)
        self.require_log = settings.serving.require_log
        self.max_tokens = settings.serving.max_tokens
        self.factory: Factory | None = None
        self.aliases: Remembered[tuple[Tenant, str], AliasResolved] = Remembered(runtime)
        self.answers = Answers(
            runtime,
            for_all=settings.serving.remember_answers,
            keep_s=settings.serving.remember_s,
            max_bytes=settings.serving.remember_bytes,
        )
        self._runtime, self._settings = runtime, settings
        self._stations: dict[Any, Station] = {}
        self._put_in: dict[str | UUID | None, Engine] = {}
        self._adapters: dict[tuple[str, str | None], Path] = {}
        self._opening = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._turns: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()

    def use(self, engine: Engine, model: str | UUID | None = None) -> None:
        """Answer with this engine for a model's name or a version's id; None: for every model."""
        self._put_in[model] = engine

    def station_of(self, model: ResolvedModel) -> Station | None:
        """Return the open engine for a model, or None where it was not asked yet."""
        replaced = self._replaced(model)
        key = station_key(model) if replaced is None else id(replaced)
        station = self._stations.get(key)
        if station is None and replaced is not None:
            timeout_s = self._settings.serving.timeout_s
            station = Station(replaced, model.engine, model.name, timeout_s)
            self._stations[key] = station
        if station is not None:
            station.models.add(model.name)
        return station

    async def station_for(self, model: ResolvedModel) -> Station:
        """Return the engine for a model, opened with its first call.

        Raises: ModelFileMissing, ModelFileWrong, KeyMissing.
        """
        station = self.station_of(model)
        if station is not None:
            return station
        async with self._opening:
            station = self.station_of(model)
            if station is None:
                station = await self._with_file(
                    model.config.get("file", BUNDLED),
                    partial(
                        self._runtime.disk.run, open_station, self._runtime, self._settings, model
                    ),
                )
                self._stations[station_key(model)] = station
                station.models.add(model.name)
                if (dependency := getattr(station.engine, "dependency", None)) is not None:
                    dependency.on_return(lambda: self.spawn(self._resume(station)))
            return station

    async def _resume(self, station: Station) -> None:
        """Offer again what waits for an engine that just answered: nobody waits out a long pause."""
        runtime = self._runtime

        def resume(connection: Connection, signals: Signals) -> None:
            now = runtime.database.now(connection, runtime.clock)
            names = [f"{MODEL}:{name}" for name in sorted(station.models)]
            if sum(jobs.resume_waiting(connection, now, name) for name in names):
                signals.add(jobs.JOBS)

        try:
            await runtime.gate.write(resume, acting="queue")
        except (Unavailable, InsufficientStorage) as error:
            log.warning("what waits for %s goes on at its own time: %s", station.name, error)

    async def adapter_path(self, adapter: ResolvedAdapter) -> Path:
        """Return an adapter's file, checked once; an engine elsewhere may have it where we do not.

        Raises: ModelFileMissing, ModelFileWrong.
        """
        known = (adapter.file, adapter.sha256)
        if known not in self._adapters:
            try:
                self._adapters[known] = await self._with_file(
                    adapter.file,
                    partial(self._runtime.disk.run, model_path, self._settings.data_dir, *known),
                )
            except ModelFileMissing:
                if self._settings.serving.engine_url is None or adapter.sha256 is None:
                    raise
                return Path(adapter.file)
        return self._adapters[known]

    async def _with_file(self, file: str, work: Callable[[], Awaitable[T]]) -> T:
        return await with_file(blobs_of(self._runtime), self._settings.data_dir, file, work)

    async def share_adapter(self, path: Path, sha256: str) -> None:
        """Send a new adapter to the engine elsewhere, where there is one.

        Where that fails, whoever asks for the adapter and has its file sends it then.
        """
        if self._settings.serving.engine_url is None:
            return
        engine = shared_engine(self._runtime, self._settings, "engine")
        try:
            await engine.send_adapter(path, sha256)
        except EngineUnavailable as error:
            log.warning("%s", error)
        finally:
            await engine.close()

    def seen(self) -> list[Seen]:
        """Return how endpoints and local models are, all of a kind together: no name of one."""
        return [
            _together("model endpoints", self._dependencies(EngineKind.PROVIDER)),
            _together("local models", self._dependencies(EngineKind.LOCAL)),
        ]

    def seen_each(self) -> list[Seen]:
        """Return how each endpoint and local model is, by name: for who operates this."""
        return [each.seen() for kind in EngineKind for each in self._dependencies(kind)]

    def _dependencies(self, kind: EngineKind) -> list[Dependency]:
        engines = [each.engine for each in self._stations.values() if each.kind == kind]
        found = [getattr(engine, "dependency", None) for engine in engines]
        return [each for each in found if each is not None]

    def turn_of(self, key: Hashable) -> asyncio.Lock:
        """Return the lock of whoever may do this only one at a time; it lives while it is held."""
        turn = self._turns.get(key)
        if turn is None:
            turn = self._turns[key] = asyncio.Lock()
        return turn

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run in the background; closing waits for it."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Finish what is being recorded, then close every engine."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        for station in self._stations.values():
            await station.engine.close()
        self._stations.clear()

    def _replaced(self, model: ResolvedModel) -> Engine | None:
        for key in (model.target_id, model.version_id, model.name, None):
            if key in self._put_in:
                return self._put_in[key]
        return None if self.factory is None else self.factory(model)


def _together(name: str, every: list[Dependency]) -> Seen:
    """Return several as one: down where one of them did not answer its last call."""
    away = [each for each in every if each.condition is Condition.DOWN]
    asked = [each for each in every if each.condition is not Condition.UNKNOWN]
    condition = Condition.DOWN if away else Condition.UP if asked else Condition.UNKNOWN
    circuits = {each.circuit for each in every}
    order = (Circuit.OPEN, Circuit.HALF_OPEN, Circuit.CLOSED)
    return Seen(
        name,
        condition,
        min((each.since for each in away), default=None),
        f"runs that ask them wait ({len(away)} of {len(every)} do not answer)",
        "those runs resume by themselves; other models and all else go on",
        away[0].error if away else None,
        sum(each.calls for each in every),
        sum(each.failed_calls for each in every),
        sum(each.refused for each in every),
        every[0].policy if every else None,
        next((each for each in order if each in circuits), Circuit.CLOSED),
        sum(each.in_use for each in every),
    )


def serving_of(runtime: Runtime) -> Serving:
    """Return the process's engines."""
    serving: Serving = runtime.extras[EXTRA]
    return serving


@asynccontextmanager
async def opened(runtime: Runtime, settings: Settings) -> AsyncIterator[None]:
    """Serve until the block ends."""
    serving = runtime.extras[EXTRA] = Serving(runtime, settings)
    try:
        yield
    finally:
        await serving.close()
        del runtime.extras[EXTRA]
