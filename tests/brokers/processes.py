"""Worker processes that come back when they are killed, what they are told, and who asks them."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import Random

from camel_ext.app import Parts, open_runtime
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.identity import bootstrap
from camel_ext.settings import Settings
from tests.chaos.zygote import Zygote

WORKERS, LEASE_S = 3, 1.2


def environment(database: str, broker_url: str, folder: Path) -> dict[str, str]:
    """Return what a worker is told: a broker, a short lease, and to poll as there were no `NOTIFY`."""
    knobs = {
        "DATABASE__URL": database, "DATABASE__NOTIFY": "false", "BROKER__URL": broker_url,
        "BROKER__RETRY_MAX_S": "1", "QUEUE__LEASE_S": str(LEASE_S), "QUEUE__HEARTBEAT_S": "0.3",
        "QUEUE__POLL_S": "0.3", "QUEUE__CONCURRENCY": "8", "TRAINING__SLOTS": "0",
        "DATA_DIR": str(folder / "data"), "OBSERVABILITY__LOG_LEVEL": "warning",
    }  # fmt: skip
    ours = {f"CAMEL_EXT_{name}": value for name, value in knobs.items()}
    return {name: value for name, value in os.environ.items() if "CAMEL_EXT" not in name} | ours


class Workers:
    """Worker processes that come back when they are killed."""

    def __init__(self, zygote: Zygote, env: dict[str, str], log: Path) -> None:
        self._zygote, self._env, self._log = zygote, env, str(log)
        self.pids = [self._start() for _ in range(WORKERS)]

    def _start(self) -> int:
        return self._zygote.start(["worker", "--queues", "tests"], self._env, self._log)

    def kill(self, which: int) -> None:
        """Kill -9 one, and start another in its place."""
        self._end(self.pids[which])
        self.pids[which] = self._start()

    def _end(self, pid: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        self._zygote.wait(pid)

    def stop(self, which: int, number: signal.Signals) -> None:
        """Stop one, or let it go on."""
        with suppress(ProcessLookupError):
            os.kill(self.pids[which], number)

    def end(self) -> None:
        for pid in self.pids:
            self._end(pid)


@asynccontextmanager
async def asked(
    database: str, broker_url: str | None, folder: Path
) -> AsyncIterator[tuple[Runtime, Tenant]]:
    """A process that asks for jobs, as the server does."""
    broker = None if broker_url is None else {"url": broker_url, "retry_max_s": 1.0}
    told = {"data_dir": folder / "asker", "database": {"url": database, "notify": False}}
    settings = Settings.model_validate(told if broker is None else told | {"broker": broker})
    async with open_runtime(settings, Parts(rng=Random(5))) as runtime:
        founded = await runtime.write_system(
            "test", lambda db: bootstrap(db, runtime.clock, runtime.new_id)
        )
        yield runtime, founded.tenant
