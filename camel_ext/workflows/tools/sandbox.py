"""The sandbox for code that a model wrote: bubblewrap, limits, a watch, and no way around it.

Gives: no network, none of the user's files, no other processes, one writable folder, bounded time,
memory, processes, disk and output. Does not give: a GPU, a defence against a hole in the kernel, or
anything on a machine without Linux namespaces: there it refuses, it never runs code unsandboxed.
What the namespaces look like is in `walls`; what a command uses is measured in `watch`.
"""

import asyncio
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from camel_ext.core.threads import ThreadLanes
from camel_ext.workflows.tools import watch
from camel_ext.workflows.tools.child import Child, memory_file
from camel_ext.workflows.tools.errors import SandboxFailed, SandboxMissing
from camel_ext.workflows.tools.limits import WATCH_S, Limits, Stopped
from camel_ext.workflows.tools.output import HeadTail
from camel_ext.workflows.tools.walls import Walls, candidates, give_to, python, refusal

_LAUNCHER = Path(__file__).with_name("launcher.py")
_FIRST_UID = 50_000  # 50,000-59,999: above people's accounts, below systemd's and Debian's own
_UIDS = 10_000

# Says what matters instead of trusting that `true` ran: no network, and the fork limit holds.
_PROBE = b"""
import os, time
with open("/proc/net/dev") as file:
    names = {line.partition(":")[0].strip() for line in file if ":" in line}
if names - {"lo"}:
    raise SystemExit(f"the network is not cut off ({names})")
for _ in range(16):
    try:
        if os.fork() == 0:
            time.sleep(60)
    except OSError:
        raise SystemExit(0)
raise SystemExit("the number of processes cannot be limited")
"""


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether code can be run here; `reason` says by what, or why not and what to install."""

    ok: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Finished:
    """What a command left: its exit code unless it was stopped, and stdout and stderr as one."""

    exit_code: int | None
    output: str
    stopped: Stopped | None


class Sandbox:
    """Run commands behind walls; one for the process, at most `parallel` commands at once.

    `hidden` are folders that must not be seen even if they lie below /usr (the data directory).
    `binaries` replaces the search for bwrap. It belongs to one event loop.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        hidden: Iterable[Path] = (),
        binaries: Sequence[Path] | None = None,
        parallel: int = 8,
    ) -> None:
        self.limits = limits or Limits()
        self._hidden = tuple(hidden)
        self._binaries = binaries
        self._free = asyncio.Semaphore(parallel)
        self._next_uid = os.getpid() * 31  # so that two platforms on one machine rarely share
        self._threads = ThreadLanes({"watch": 2})  # its own: slow tools must not blind the watch
        self._probing = asyncio.Lock()
        self._walls: Walls | None = None
        self._reason = ""

    async def available(self) -> Availability:
        """Try the sandbox once, really, and remember the answer."""
        async with self._probing:
            if not self._reason:
                self._walls, self._reason = await self._probe()
        return Availability(self._walls is not None, self._reason)

    async def run(
        self,
        command: Sequence[str],
        *,
        scratch: Path,
        files: Mapping[str, bytes] | None = None,
        limits: Limits | None = None,
    ) -> Finished:
        """Run the command (an absolute path first) in /scratch; `files` are laid out read-only.

        Cancelling ends all its processes before the cancellation goes on.
        Raises: SandboxMissing; SandboxFailed.
        """
        found = await self.available()
        if self._walls is None:
            raise SandboxMissing(found.reason)
        async with self._free:
            return await self._run(
                self._walls, command, scratch, files or {}, limits or self.limits
            )

    def close(self) -> None:
        """End the threads of the watch."""
        self._threads.close()

    async def _probe(self) -> tuple[Walls | None, str]:
        problems = [refusal()] if refusal() else []
        if not problems:
            await self._threads.run("watch", watch.end_orphans)
        for walls in [] if problems else candidates(self._binaries):
            problem = await self._try(walls)
            if problem is None:
                return walls, f"{walls.bwrap}{' (as root)' if walls.as_root else ''}"
            problems.append(f"{walls.bwrap}: {problem}")
        return None, (
            f"There is no sandbox on this machine: {'; '.join(map(str, problems)) or 'no bwrap'}. "
            "Tools that run code are refused, nothing was run. Install bubblewrap 0.7 or newer "
            "(`apt install bubblewrap`) and allow user namespaces "
            "(`sysctl user.max_user_namespaces`), then start the platform again."
        )

    async def _try(self, walls: Walls) -> str | None:
        limits = Limits(wall_s=10, processes=8)
        with TemporaryDirectory(prefix="camel-ext-probe-") as folder:
            command = [str(python()), "-I", "-S", "/run/probe.py"]
            files = {"/run/probe.py": _PROBE}
            try:
                done = await self._run(walls, command, Path(folder), files, limits)
            except (SandboxFailed, OSError) as error:
                return str(error)
        return None if done.exit_code == 0 else done.output.strip() or "the probe did not end"

    async def _run(
        self,
        walls: Walls,
        command: Sequence[str],
        scratch: Path,
        files: Mapping[str, bytes],
        limits: Limits,
    ) -> Finished:
        uid = self._uid() if walls.as_root else None
        if uid is not None:
            await self._threads.run("watch", give_to, uid, scratch)
        content = {"/run/launcher.py": _LAUNCHER.read_bytes(), **(files or {})}
        fds = {path: memory_file(one) for path, one in content.items()}
        options = walls.arguments(scratch, fds, self._hidden, limits)
        inside = [str(python()), "-I", "-S", "/run/launcher.py", limits.rlimits(uid), *command]
        kept = HeadTail(limits.kept_bytes)
        starting = asyncio.create_task(Child.start(walls.bwrap, options, inside, fds))
        try:
            child = await asyncio.shield(starting)  # half started nobody could end it
            stopped = await self._until_end(child, scratch, limits, kept)
        finally:
            await (await starting).end()
        if stopped is None and child.exit_code is None:
            raise SandboxFailed(f"The sandbox did not start: {kept.text().strip() or 'no reason'}")
        return Finished(None if stopped else child.exit_code, kept.text(), stopped)

    def _uid(self) -> int:
        """A user for this call alone, because the kernel counts processes by user."""
        self._next_uid += 1
        return _FIRST_UID + self._next_uid % _UIDS

    async def _until_end(
        self, child: Child, scratch: Path, limits: Limits, kept: HeadTail
    ) -> Stopped | None:
        reading = asyncio.create_task(_read(child, kept, limits.output_bytes))
        watching = asyncio.create_task(self._watch(child, scratch, limits))
        try:
            done, _ = await asyncio.wait(
                {reading, watching}, timeout=limits.wall_s, return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                return Stopped.TIME
            return reading.result() if reading in done else watching.result()
        finally:
            reading.cancel()
            watching.cancel()
            await asyncio.wait({reading, watching})

    async def _watch(self, child: Child, scratch: Path, limits: Limits) -> Stopped:
        """Return only when a limit is passed."""
        while True:
            await asyncio.sleep(WATCH_S)
            pid = child.first_pid
            over = await self._threads.run("watch", watch.exceeded, pid, scratch, limits)
            if over is not None:
                return over


async def _read(child: Child, kept: HeadTail, most_bytes: int) -> Stopped | None:
    """Take all output; memory stays bounded whatever is printed."""
    while chunk := await child.output.read(65_536):
        kept.add(chunk)
        if kept.total_bytes > most_bytes:
            return Stopped.OUTPUT
    await child.process.wait()
    return None
