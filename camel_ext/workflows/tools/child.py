"""One bwrap process and what runs behind its walls: start it, read it, leave nothing of it behind.

Ending it is the hard part. When bwrap is killed in its first millisecond it has not yet told the
kernel to take its child along, so the first process inside is learned before anything else happens
and killed by its own descriptor. Which options bwrap gets, and when to stop, is decided elsewhere.
"""

import asyncio
import json
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from camel_ext.workflows.tools import seccomp
from camel_ext.workflows.tools.errors import SandboxFailed

_END_S = 10.0  # a killed process tree that is still there after this hangs in the kernel


class Child:
    """A started bwrap; `first_pid` is 0 when it failed before anything ran."""

    def __init__(self, process: asyncio.subprocess.Process, status_fd: int) -> None:
        assert process.stdout is not None
        self.output = process.stdout
        self.process = process
        self.first_pid = 0
        self.exit_code: int | None = None  # stays None when the command was not reached
        self._status_fd = status_fd
        self._pid_fd = -1
        self._ours = False

    @classmethod
    async def start(
        cls, bwrap: Path, options: Sequence[str], command: Sequence[str], fds: Mapping[str, int]
    ) -> Self:
        """Start `command`; `fds` are the files laid out inside, closed here afterwards."""
        status_read, status_write = os.pipe()
        handed = [status_write, *fds.values(), memory_file(seccomp.program())]
        told = [*options, "--json-status-fd", str(status_write), "--seccomp", str(handed[-1])]
        handed.append(memory_file(b"".join(part.encode() + b"\0" for part in told)))
        try:
            process = await asyncio.create_subprocess_exec(
                bwrap,
                *("--args", str(handed[-1]), "--", *command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                pass_fds=handed,
                env={},  # /proc/1/environ inside is what bwrap was given, whatever --clearenv does
                cwd="/",
                start_new_session=True,  # a Ctrl-C for the platform is not one for its tools
            )
        except BaseException:
            os.close(status_read)
            raise
        finally:
            for fd in handed:
                os.close(fd)
        child = cls(process, status_read)
        await child._learn_first_process()
        return child

    async def _learn_first_process(self) -> None:
        """When that one is gone, the kernel has ended all others inside."""
        said = b""
        while not said.endswith(b"\n"):
            await _readable(self._status_fd)
            part = os.read(self._status_fd, 65_536)
            if not part:
                break
            said += part
        self._note(said)
        if self.first_pid:
            with suppress(ProcessLookupError):
                self._pid_fd = os.pidfd_open(self.first_pid)
                self._ours = _parent(self.first_pid) == self.process.pid

    def _note(self, said: bytes) -> None:
        for line in said.splitlines():
            fields = json.loads(line)
            self.first_pid = fields.get("child-pid", self.first_pid)
            self.exit_code = fields.get("exit-code", self.exit_code)

    async def end(self) -> None:
        """Kill what still runs, wait until nothing is left, learn the exit code.

        Raises: SandboxFailed when something cannot be killed.
        """
        if self._ours:  # else its number may be somebody else's by now
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pid_fd, signal.SIGKILL)
        with suppress(ProcessLookupError):
            self.process.kill()
        try:
            async with asyncio.timeout(_END_S):
                if self._pid_fd >= 0:
                    await _readable(self._pid_fd)
                while await self.output.read(65_536):
                    pass  # asyncio closes the pipe at its end only
                await self.process.wait()
            self._note(os.read(self._status_fd, 65_536))
        except TimeoutError as error:
            raise SandboxFailed(
                f"A killed tool (process {self.first_pid}) hangs in the kernel, probably on a disk "
                "that does not answer. Its scratch folder cannot be trusted; look at the machine."
            ) from error
        finally:
            os.close(self._status_fd)
            if self._pid_fd >= 0:
                os.close(self._pid_fd)


def memory_file(content: bytes) -> int:
    """Return a descriptor that reads the content from its start."""
    fd = os.memfd_create("camel-ext-sandbox")
    with os.fdopen(os.dup(fd), "wb") as file:
        file.write(content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _parent(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[1])
    except OSError:
        return 0


async def _readable(fd: int) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(fd, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(fd)
