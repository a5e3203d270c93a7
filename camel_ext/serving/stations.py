"""From a resolved model to an engine that can be asked: which file, which address, which key.

Files are checked and keys are read here, when a model is first asked, never earlier. Who keeps what
was opened is the process (`process.py`); what the versions are, the registry.
"""

from asyncio import Semaphore
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pydantic import SecretStr

from camel_ext.core.blobs import Blobs
from camel_ext.core.clock import Clock
from camel_ext.core.hashing import file_sha256
from camel_ext.core.runtime import Runtime
from camel_ext.core.threads import Threads
from camel_ext.registry import EngineKind, ResolvedModel, SecretReference
from camel_ext.serving.bundled import verify_bundled
from camel_ext.serving.engines.protocol import Engine
from camel_ext.serving.engines.retry import RetryPolicy
from camel_ext.serving.errors import (
    EngineElsewhere,
    KeyMissing,
    ModelFileMissing,
    ModelFileWrong,
)
from camel_ext.settings import Settings, secret_from_environment

if TYPE_CHECKING:
    from camel_ext.serving.engines.shared import SharedEngine

BUNDLED = "bundled"
MODELS = "models"  # a folder of the data directory, and of the blob store
T = TypeVar("T")
ENGINE_KEY = "engine.key"
KEY_BYTES_MAX = 64 * 1024
OURS = "CAMEL_EXT_"  # settings of this server, such as the password of its database
EXTRA_SLOTS = 4  # calls that wait inside the local server, so that a free slot never idles


@dataclass(eq=False)
class Station:
    """An engine, and how it is asked: within which time, and how many at once.

    `models` are those that were asked through it, by name. Waiting for a turn is not counted against the call's time: a hundred runs may share one model.
    """

    engine: Engine
    kind: EngineKind
    name: str
    timeout_s: float
    turns: Semaphore | None = field(default=None, repr=False)
    models: set[str] = field(default_factory=set)

    @asynccontextmanager
    async def admitted(self) -> AsyncIterator[None]:
        """Wait for a turn, first come first served."""
        if self.turns is None:
            yield
            return
        async with self.turns:
            yield

    def facts(self) -> dict[str, Any]:
        """Return what an interaction records of the engine's model file, where it has one."""
        facts = getattr(self.engine, "facts", None)
        if facts is None:
            return {}
        return {"quantization": facts.quantization, "template_hash": facts.template_sha256}


def station_key(model: ResolvedModel) -> tuple[Any, ...]:
    """Return what makes two models share an engine: the file and its context, or address and key."""
    config = model.config
    if model.engine == EngineKind.LOCAL:
        return "local", config["file"], config.get("sha256"), model.context_tokens
    headers = tuple(sorted(config.get("headers", {}).items()))
    return "provider", config["url"], model.secret, headers, config.get("timeout_s")


def open_station(runtime: Runtime, settings: Settings, model: ResolvedModel) -> Station:
    """Open the engine for a model. Blocking (it may hash a file): use a thread.

    Raises: ModelFileMissing, ModelFileWrong, KeyMissing.
    """
    if model.engine == EngineKind.LOCAL:
        return _open_local(runtime, settings, model)
    return _open_provider(runtime, settings, model)


def _open_local(runtime: Runtime, settings: Settings, model: ResolvedModel) -> Station:
    knobs = settings.serving
    turns = Semaphore(knobs.engine_slots + EXTRA_SLOTS)
    if knobs.engine_url is not None:
        file, sha256 = model.config["file"], model.config.get("sha256")
        shared = shared_engine(runtime, settings, model.name, file, sha256, model.context_tokens)
        return Station(shared, EngineKind.LOCAL, model.name, knobs.timeout_s, turns)
    if not knobs.local_model:
        raise EngineElsewhere(
            f"{model.name!r} is a local model, and this process runs none: start `camel-ext engine` "
            "and set CAMEL_EXT_SERVING__ENGINE_URL, or start `camel-ext api --local-model`"
        )
    config = model.config
    path = model_path(settings.data_dir, config["file"], config.get("sha256"))
    engine = local_engine(runtime, settings, model.name, path, model.context_tokens)
    return Station(engine, EngineKind.LOCAL, model.name, knobs.timeout_s, turns)


class Machine(Protocol):
    """What a local engine needs of its process."""

    clock: Clock
    rng: Random
    threads: Threads


def local_engine(
    machine: Machine, settings: Settings, name: str, path: Path, context_tokens: int | None
) -> Engine:
    """Return the engine of a model file on this machine; its process starts with the first call."""
    from camel_ext.serving.engines.local import LocalEngine  # httpx, 0.1 s: with the first call
    from camel_ext.serving.engines.model_server import LocalOptions

    knobs = settings.serving
    options = LocalOptions(
        model_path=path,
        log_path=settings.data_dir / "logs" / f"engine-{name}.log",
        slots=knobs.engine_slots,
        context_tokens=context_tokens or knobs.context_tokens,
        threads=knobs.engine_threads,
    )
    return LocalEngine(
        name,
        options,
        clock=machine.clock,
        rng=machine.rng,
        threads=machine.threads,
        retry=RetryPolicy(tries=knobs.attempts),
    )


def shared_engine(
    runtime: Runtime,
    settings: Settings,
    name: str,
    file: str = BUNDLED,
    sha256: str | None = None,
    context_tokens: int | None = None,
) -> "SharedEngine":
    """Return the engine of another machine, as the settings name it.

    Raises: KeyMissing.
    """
    from camel_ext.serving.engines.shared import SharedEngine, SharedModel

    knobs = settings.serving
    key = knobs.engine_key or _from_file(
        name, knobs.engine_key_file or settings.data_dir.expanduser() / ENGINE_KEY
    )
    return SharedEngine(
        name,
        str(knobs.engine_url),
        SharedModel(file, sha256, context_tokens),
        clock=runtime.clock,
        rng=runtime.rng,
        threads=runtime.threads,
        api_key=key,
        retry=RetryPolicy(tries=knobs.attempts),
    )


def _open_provider(runtime: Runtime, settings: Settings, model: ResolvedModel) -> Station:
    from camel_ext.serving.engines.provider import ProviderEngine

    knobs, config = settings.serving, model.config
    engine = ProviderEngine(
        model.name,
        config["url"],
        clock=runtime.clock,
        rng=runtime.rng,
        api_key=_read_key(model.name, model.secret),
        retry=RetryPolicy(tries=knobs.attempts),
        headers=config.get("headers"),
    )
    timeout_s = float(config.get("timeout_s", knobs.timeout_s))
    return Station(engine, EngineKind.PROVIDER, model.name, timeout_s)


def model_path(data_dir: Path, file: str, sha256: str | None) -> Path:
    """Return the path of a model or adapter: the bundled one, one in the models folder, or any.

    Raises: ModelFileMissing; ModelFileWrong when its sha256 is another.
    """
    if file == BUNDLED:
        path = verify_bundled(data_dir)
    else:
        path = Path(file) if Path(file).is_absolute() else data_dir / MODELS / file
        if not path.is_file():
            raise ModelFileMissing(
                f"there is no file {path}, so this model cannot run: bring it there, or correct "
                "`file` in models.yaml (a name in the models folder, or an absolute path)"
            )
    if sha256 is not None:
        _check_sha256(path, sha256)
    return path


async def with_file(
    blobs: Blobs | None, data_dir: Path, file: str, work: Callable[[], Awaitable[T]]
) -> T:
    """Return what the work gives; where a file of the models folder is missing, fetch it and repeat.

    Raises: ModelFileMissing where the blob store has none; BlobStoreAway.
    """
    try:
        return await work()
    except ModelFileMissing:
        if blobs is None or file == BUNDLED or Path(file).is_absolute():
            raise
        if not await blobs.fetch(f"{MODELS}/{file}", data_dir / MODELS / file):
            raise
    return await work()


def _check_sha256(path: Path, wanted: str) -> None:
    digest = file_sha256(path)
    if digest != wanted:
        raise ModelFileWrong(
            f"{path} has sha256 {digest} instead of {wanted}: it is damaged or another file, and is "
            "not used. Bring the right one, or correct `sha256` in models.yaml"
        )


def _read_key(name: str, where: SecretReference | None) -> SecretStr | None:
    """Return the provider's key from where the model says it is; no error holds any of it."""
    if where is None:
        return None
    if where.env is None:
        key, place = _from_file(name, Path(str(where.file))), f"the file {where.file}"
    else:
        key, place = _from_environment(name, where.env), f"the variable {where.env}"
    said = key.get_secret_value()
    if not said or not said.isascii() or not said.isprintable():
        raise KeyMissing(
            f"{place} holds no key for the model {name!r}: one line of plain letters is right"
        )
    return key


def _from_environment(name: str, variable: str) -> SecretStr:
    ours = variable.upper().startswith(OURS)
    key = None if ours else secret_from_environment(variable)
    if key is None:
        raise KeyMissing(
            f"the model {name!r} wants its key in the environment variable {variable}, which is not "
            "set for this server (its own CAMEL_EXT_ settings are never given away): set it and "
            "start the server again"
        )
    return key


def _from_file(name: str, path: Path) -> SecretStr:
    try:
        with path.open("rb") as file:
            return SecretStr(file.read(KEY_BYTES_MAX).decode().strip())
    except (OSError, ValueError) as error:
        raise KeyMissing(
            f"the key of the model {name!r} cannot be read from {path} ({type(error).__name__}): "
            "write it there, readable by this server"
        ) from None


Factory = Callable[[ResolvedModel], Engine | None]
"""What tests and benches hand in: the engine for a model, the same each time, or None: its own."""
