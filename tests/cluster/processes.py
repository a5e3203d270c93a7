"""The platform as it runs on many machines, all of it on this one: each part a process that can be killed.

Two servers behind a balancer, three workers, two schedulers, an engine; PostgreSQL, Redis, an S3 and, where
it is installed, RabbitMQ below them. What they do is told to them by settings alone, and no two of them
share a folder, as on machines of their own.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import httpx

from camel_ext.serving import bundled_path
from tests.brokers.servers import RABBIT, RabbitMQ, private_valkey
from tests.objects import private_s3
from tests.ports import free_port
from tests.postgres import create_database, own_postgres, url_of

START_S = 120.0
SETTINGS = {
    "CAMEL_EXT_QUEUE__LEASE_S": "10",
    "CAMEL_EXT_QUEUE__HEARTBEAT_S": "1",
    "CAMEL_EXT_SCHEDULING__LEASE_S": "10",
    "CAMEL_EXT_SERVING__PROVIDER_WAIT_MAX_S": "20",
    "CAMEL_EXT_OBSERVABILITY__LOG_LEVEL": "warning",
}


@dataclass
class Part:
    """Something that can be killed, and started again."""

    name: str
    start: Callable[[], None]
    kill: Callable[[], None]


class Program:
    """One `camel-ext` command in a process group of its own."""

    def __init__(self, arguments: list[str], env: dict[str, str], log: Path) -> None:
        self._arguments, self._env, self._log = arguments, env, log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "camel_ext.cli", *self._arguments],
                env=self._env, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True,
            )  # fmt: skip

    def kill(self) -> None:
        """Kill -9, with all it started in its group."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """End it as an operator does: SIGTERM, and SIGKILL where it does not listen."""
        if self._process is not None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(30)
            self.kill()


@dataclass
class Cluster:
    """All parts, and where clients knock."""

    folder: Path
    database: str
    ports: list[int]
    parts: list[Part] = field(default_factory=list)
    url: str = ""

    @property
    def headers(self) -> dict[str, str]:
        key = (self.folder / "server-1" / "owner.key").read_text().strip()
        return {"Authorization": f"Bearer {key}"}

    def wait_ready(self) -> None:
        """Wait until every server answers.

        Raises: RuntimeError with the end of the first one's log.
        """
        deadline_s = time.monotonic() + START_S
        for port in self.ports:
            while True:
                with suppress(httpx.TransportError):
                    if httpx.get(f"http://127.0.0.1:{port}/health/ready").status_code == 200:
                        break
                if time.monotonic() > deadline_s:
                    log = self.folder / "server-1.log"
                    raise RuntimeError(f"no server answers: {log.read_text()[-3000:]}")
                time.sleep(0.1)


@contextmanager
def cluster(folder: Path, model: Path) -> Iterator[Cluster]:
    """Start all of it below a folder, and stop it at the end; the folder stays.

    `model` is the bundled model's file, which each machine has in its models folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        postgres = stack.enter_context(own_postgres())
        create_database(postgres.url, "cluster")
        redis = stack.enter_context(private_valkey())
        found = Cluster(folder, url_of(postgres.url, "cluster"), [free_port(), free_port()])
        objects = stack.enter_context(private_s3())
        engine_port = free_port()
        env = {name: value for name, value in os.environ.items() if "CAMEL_EXT" not in name}
        env |= SETTINGS | {
            "CAMEL_EXT_DATABASE__URL": found.database,
            "CAMEL_EXT_REDIS__URL": redis.url,
            "CAMEL_EXT_BLOBS__URL": objects.url,
            "CAMEL_EXT_BLOBS__ALLOW_HTTP": "true",
            **objects.env,
        }
        found.parts += [
            Part("PostgreSQL", postgres.start, postgres.stop),
            Part("Redis", redis.start, redis.kill),
            Part("S3", objects.start, objects.kill),
        ]
        if RABBIT.exists():
            rabbit = RabbitMQ()
            stack.callback(rabbit.close)
            rabbit.start()
            env["CAMEL_EXT_BROKER__URL"] = rabbit.url
            found.parts.append(
                Part("RabbitMQ, its data wiped", rabbit.start, lambda: rabbit.kill(wipe=True))
            )
        # The engine's key is in a file that the operator gave to each machine.
        env["CAMEL_EXT_SERVING__ENGINE_KEY_FILE"] = str(folder / "engine.key")
        everybody = env | {"CAMEL_EXT_SERVING__ENGINE_URL": f"http://127.0.0.1:{engine_port}"}
        commands = {
            "engine": (["engine", "--port", str(engine_port)], env),
            **{
                f"server-{n}": (["api", "--port", str(port)], everybody)
                for n, port in enumerate(found.ports, start=1)
            },
            **{f"worker-{n}": (["worker"], everybody) for n in (1, 2, 3)},
            **{f"scheduler-{n}": (["scheduler"], everybody) for n in (1, 2)},
        }
        for name, (arguments, told) in commands.items():
            told = told | {"CAMEL_EXT_DATA_DIR": str(_machine(folder / name, model))}
            program = Program(arguments, told, folder / f"{name}.log")
            found.parts.append(Part(name, program.start, program.kill))
            stack.callback(program.stop)
            program.start()
            if name == f"server-{len(found.ports)}":
                found.wait_ready()  # workers refuse a database that no server has brought up
        yield found


def _machine(data_dir: Path, model: Path) -> Path:
    """Make a machine's data folder with the bundled model in it."""
    place = bundled_path(data_dir)
    place.parent.mkdir(parents=True, exist_ok=True)
    data_dir.chmod(0o700)
    os.link(model, place)
    return data_dir


@asynccontextmanager
async def balanced(ports: list[int]) -> AsyncIterator[str]:
    """Give one URL for all servers: each connection goes to the next one that accepts it."""
    turns = count()

    async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        first = next(turns)
        for offset in range(len(ports)):
            with suppress(OSError):
                port = ports[(first + offset) % len(ports)]
                return await asyncio.open_connection("127.0.0.1", port)
        return None

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream = await connect()
        if upstream is not None:
            copies = [
                asyncio.create_task(_copy(reader, upstream[1])),
                asyncio.create_task(_copy(upstream[0], writer)),
            ]
            # Python 3.11 tells of a cancelled connection as of a bug: it ends by itself instead
            with suppress(asyncio.CancelledError):
                await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
            upstream[1].close()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while block := await reader.read(65_536):
            writer.write(block)
            await writer.drain()
