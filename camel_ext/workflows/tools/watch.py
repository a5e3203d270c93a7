"""Look from outside at what the processes of one sandbox use together.

The kernel limits each process; nothing but a cgroup limits them together, and a cgroup is not ours
to have on a laptop. These functions block and run on a thread. They never follow a link, and a
process or file that vanishes while they look is nothing unusual. They end orphans of a killed
platform, and nobody else.
"""

import os
import signal
import stat
from dataclasses import dataclass
from pathlib import Path

from camel_ext.workflows.tools.limits import Limits, Stopped

MAX_DEPTH = 32  # folders in folders; a path stays far below PATH_MAX
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Unmeasurable(Exception):
    """A folder is too deep or closed to us, so nobody can say how much is in it."""


@dataclass(slots=True)
class TreeSize:
    """What a folder holds."""

    size_bytes: int = 0
    entries: int = 0

    def over(self, limits: Limits) -> bool:
        return self.size_bytes > limits.scratch_bytes or self.entries > limits.scratch_entries


def exceeded(first_pid: int, scratch: Path, limits: Limits) -> Stopped | None:
    """Return the limit that the processes below `first_pid` are past, if any."""
    pids = descendants(first_pid)
    most = limits.memory_bytes
    # the first sum is cheap and counts shared pages again and again, the second is true
    if sum(map(_resident_bytes, pids)) > most and sum(map(_own_bytes, pids)) > most:
        return Stopped.MEMORY
    if sum(map(_written_bytes, pids)) > limits.written_bytes:
        return Stopped.DISK
    try:
        return Stopped.DISK if tree_size(scratch, limits).over(limits) else None
    except Unmeasurable:
        return Stopped.DISK


def descendants(first_pid: int) -> list[int]:
    """Return the process and all below it, as far as they can be seen."""
    found, waiting = [], [first_pid]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += _children(pid)
    return found


def _children(pid: int) -> list[int]:
    children: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            children += map(int, _read(f"/proc/{pid}/task/{thread}/children").split())
    except OSError:
        pass
    return children


def _resident_bytes(pid: int) -> int:
    fields = _read(f"/proc/{pid}/statm").split()
    return int(fields[1]) * _PAGE_BYTES if len(fields) > 1 else 0


def _own_bytes(pid: int) -> int:
    """Its share of the pages it uses (PSS): forked processes share most of theirs."""
    for line in _read(f"/proc/{pid}/smaps_rollup").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return _resident_bytes(pid)


def _written_bytes(pid: int) -> int:
    """What it and its reaped children wrote to disk, also into files deleted since."""
    for line in _read(f"/proc/{pid}/io").splitlines():
        if line.startswith("write_bytes:"):
            return int(line.partition(":")[2])
    return 0


def _read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def end_orphans() -> int:
    """End what a killed platform left and return how many; nothing runs in them.

    A bwrap whose platform is killed before it said "go" leaves its child waiting for ever. It is
    known by our launcher in its command line and a parent that is no bwrap.
    """
    ended = 0
    for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):
        try:
            fd = os.pidfd_open(pid)  # first, so that what is judged is what is ended
        except OSError:
            continue
        try:
            if _is_orphan(pid):
                signal.pidfd_send_signal(fd, signal.SIGKILL)
                ended += 1
        except OSError:
            pass
        finally:
            os.close(fd)
    return ended


def _is_orphan(pid: int) -> bool:
    said = _read(f"/proc/{pid}/cmdline").split("\0")
    if Path(said[0]).name != "bwrap" or "/run/launcher.py" not in said:
        return False
    status = dict(line.partition(":")[::2] for line in _read(f"/proc/{pid}/status").splitlines())
    inside = len(status.get("NSpid", "").split()) > 1
    parent = _read(f"/proc/{status.get('PPid', '0').strip()}/cmdline").split("\0")
    return inside and Path(parent[0]).name != "bwrap"


def tree_size(top: Path, limits: Limits) -> TreeSize:
    """Return how much is below `top`, looking no further than past the limits.

    Raises: Unmeasurable.
    """
    size = TreeSize()
    folder = os.open(top, _FOLDER)
    try:
        _add(folder, size, limits, 0)
    finally:
        os.close(folder)
    return size


def _add(folder: int, size: TreeSize, limits: Limits, depth: int) -> None:
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                found = entry.stat(follow_symlinks=False)
                size.entries += 1
                size.size_bytes += max(found.st_blocks * 512, found.st_size)  # a hole counts too
                if size.over(limits):
                    return
                if stat.S_ISDIR(found.st_mode):
                    _enter(folder, entry.name, size, limits, depth)
            except (FileNotFoundError, NotADirectoryError):
                continue


def _enter(folder: int, name: str, size: TreeSize, limits: Limits, depth: int) -> None:
    if depth >= MAX_DEPTH:
        raise Unmeasurable
    try:
        inner = os.open(name, _FOLDER, dir_fd=folder)
    except PermissionError as error:
        raise Unmeasurable from error
    try:
        _add(inner, size, limits, depth + 1)
    finally:
        os.close(inner)
