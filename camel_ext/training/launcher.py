"""Launchers start a trainer in a folder, and end it: here as a process of this machine.

What a trainer reads and writes is in its folder (`spec`), so a launcher carries neither data nor
results, and another one may send the folder elsewhere. When to start again is the task's business.
"""

import asyncio
import fcntl
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from camel_ext.core.clock import Clock
from camel_ext.training.errors import TrainerLost
from camel_ext.training.spec import CONSOLE_FILE

SCRIPT: Final = Path(__file__).with_name("child.py")
LOCK_FILE: Final = "trainer.lock"
LOOK_AGAIN_S: Final = 0.5
FOLDER_WAIT_S: Final = 120.0  # for a trainer before us, which is writing its checkpoint


class Trainer(Protocol):
    """A trainer at work in a folder."""

    async def wait(self) -> int:
        """Wait until it ended, and return its exit code; negative: the signal that killed it."""
        ...

    async def stop(self, grace_s: float) -> int:
        """Ask it to stop at a checkpoint, end it if it does not in time, and return its exit code."""
        ...


class Launcher(Protocol):
    """Start a trainer in a folder; at most one at a time works in it."""

    async def start(self, job_dir: Path, *, look: bool, look_first: bool) -> Trainer:
        """Start a trainer: `look` only looks, `look_first` does so before it trains.

        It waits for a free device.
        Raises: TrainerLost.
        """
        ...


class LocalTrainer:
    """A child process in a group of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._stopping: asyncio.Task[int] | None = None

    @property
    def pid(self) -> int:
        """The child's process id, and its group's."""
        return self._process.pid

    async def wait(self) -> int:
        """Wait for the child; whatever it left in its group is ended with it."""
        code = await self._process.wait()
        self._kill_group()
        return code

    async def stop(self, grace_s: float) -> int:
        """End the child: by SIGTERM, by SIGKILL if it does not listen. Idempotent.

        It is one task however many wait for it, so that a cancelled waiter leaves nothing running.
        """
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._stop(grace_s))
        return await asyncio.shield(self._stopping)

    async def _stop(self, grace_s: float) -> int:
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(grace_s):
                await self._process.wait()
        except TimeoutError:
            pass
        finally:
            self._kill_group()
        return await self._process.wait()

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)


@dataclass(eq=False)
class LocalLauncher:
    """Start trainers as children of this process, no more at a time than the machine has slots.

    A slot and the folder are locked by open files that the child inherits: the kernel frees them when
    the child is really gone, whoever died before, so a device is never shared by mistake.
    """

    find_python: Callable[[], Path]
    slots_dir: Path
    slots: int
    threads: int
    clock: Clock
    script: Path = SCRIPT

    async def start(self, job_dir: Path, *, look: bool, look_first: bool) -> LocalTrainer:
        """Start a child in a folder, once a slot and the folder are free.

        Raises: EnvironmentMissing; TrainerLost when a trainer before it does not leave the folder, or
        none can be started.
        """
        python = self.find_python()
        options = ["--look"] if look else ["--look-first"] if look_first else []
        with await self._folder(job_dir) as folder, await self._slot() as slot:
            task = asyncio.create_task(self._spawn(python, job_dir, options, (folder.fd, slot.fd)))
            try:
                return await asyncio.shield(task)
            except (
                asyncio.CancelledError
            ):  # asyncio leaks what a spawn that is cancelled has opened
                trainer = await task
                await trainer.stop(0.0)
                raise

    async def _folder(self, job_dir: Path) -> "Lock":
        for _ in range(int(FOLDER_WAIT_S / LOOK_AGAIN_S)):
            if (lock := Lock.take(job_dir / LOCK_FILE)) is not None:
                return lock
            await self.clock.sleep(LOOK_AGAIN_S)
        raise TrainerLost(
            f"another trainer has worked in {job_dir} for {FOLDER_WAIT_S:.0f} s and does not leave; "
            "look for its process and end it"
        )

    async def _slot(self) -> "Lock":
        while True:
            for number in range(max(1, self.slots)):
                if (lock := Lock.take(self.slots_dir / f"slot-{number}.lock")) is not None:
                    return lock
            await self.clock.sleep(LOOK_AGAIN_S)

    async def _spawn(
        self, python: Path, job_dir: Path, options: list[str], kept_open: tuple[int, int]
    ) -> LocalTrainer:
        with (job_dir / CONSOLE_FILE).open("ab") as console:
            try:
                process = await asyncio.create_subprocess_exec(
                    str(python),
                    "-P",  # or this script's folder would come before the standard library
                    str(self.script),
                    str(os.getpid()),
                    str(job_dir),
                    *options,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=console,
                    stderr=console,
                    env=self._environment(job_dir),
                    pass_fds=kept_open,
                    start_new_session=True,  # Ctrl-C in the terminal is for us, not for the child
                )
            except OSError as error:
                raise TrainerLost(
                    f"{python} could not be started ({error.strerror}): run `camel-ext train "
                    "setup`, or correct CAMEL_EXT_TRAINING__PYTHON"
                ) from error
        return LocalTrainer(process)

    def _environment(self, job_dir: Path) -> dict[str, str]:
        """Return all that the child is told: no secret of ours, and no way to a hub."""
        said = {
            "PATH": os.defpath,
            "LC_ALL": "C.UTF-8",
            "HF_HOME": str(job_dir / ".hub"),  # nothing is ever there
            "HF_HUB_OFFLINE": "1",
            # Threads that wait sleep: spinning, beside others who compute, 2 threads did no step in 9 min
            # where sleeping ones did 15 in 150 s.
            "OMP_WAIT_POLICY": "PASSIVE",
            "TRANSFORMERS_OFFLINE": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "TOKENIZERS_PARALLELISM": "false",
            "PYTHONHASHSEED": "0",  # the order of sets is part of an adapter's bits
            # MKL promises the same bits a second time only so. (A first step once differed by 5e-5 without,
            # on busy cores; whether by this is not known.)
            "MKL_CBWR": "AUTO,STRICT",
            "MKL_DYNAMIC": "FALSE",
            "PYTHONUNBUFFERED": "1",  # the console's last lines are wanted when it is killed
            # Threads that wait for one another spin for milliseconds by default (libgomp). With two of
            # them on busy cores, a step took 5-8 CPU-s so, and 2.1 when they soon go to sleep.
            "GOMP_SPINCOUNT": "10000",
        }
        return said | ({"OMP_NUM_THREADS": str(self.threads)} if self.threads else {})


@dataclass(slots=True)
class Lock:
    """A file lock that lives as long as any process has its file open."""

    fd: int

    @classmethod
    def take(cls, path: Path) -> "Lock | None":
        """Return the lock of a file, or None where somebody has it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return None
        return cls(fd)

    def __enter__(self) -> "Lock":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)  # whoever inherited it holds the lock on
