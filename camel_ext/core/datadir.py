"""The one data directory of a process: made private, locked, so that a second server refuses.

The lock is the kernel's (`flock`): it dies with its holder, so whoever holds it knows that the one
before is dead. It does not say what the rooms keep inside.
"""

import fcntl
import os
from pathlib import Path

from camel_ext.core.errors import Conflict, Invalid


class DataDirLocked(Conflict):
    """Another server uses this data directory."""


class DataDirUnusable(Invalid):
    """The data directory cannot be written."""


class DataDir:
    """A folder with mode 0700 and, once `lock` was called, its exclusive lock."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        self._lock: int | None = None
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            probe = self.path / f".probe-{os.getpid()}"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise DataDirUnusable(
                f"the data directory {self.path} cannot be written ({error.strerror}): "
                "set CAMEL_EXT_DATA_DIR to a folder that can, or mend its permissions"
            ) from error

    def lock(self, holder: str) -> None:
        """Take the lock and write who holds it.

        Raises: DataDirLocked, naming the holder.
        """
        handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            other = os.pread(handle, 200, 0).decode(errors="replace").strip()
            os.close(handle)
            raise DataDirLocked(
                f"the data directory {self.path} is in use by {other or 'another process'}: stop it, "
                "or set CAMEL_EXT_DATA_DIR to another folder"
            ) from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, holder.encode(), 0)
        self._lock = handle

    def unlock(self) -> None:
        """Give the lock back; nothing happens where it is not held."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def write_private(self, name: str, content: str) -> Path:
        """Write a file only its owner may read, whole or not at all."""
        target, fresh = self.path / name, self.path / f".{name}.new"
        fresh.unlink(missing_ok=True)
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(target)
        return target
