"""The disk under the data folder, behind a policy as everything outside: for work on files that may hang.

A network file system that stalls holds a thread for as long as it likes. So such work has threads of its
own, as many as the policy lets go at once: it can hold up neither the database nor anybody's request. It
opens no file itself.
"""

import asyncio
import errno
from collections.abc import Callable
from typing import TypeVar

from camel_ext.core.clock import Clock
from camel_ext.core.dependencies import Dependency, DependencyDown, Policy
from camel_ext.core.errors import InsufficientStorage
from camel_ext.core.threads import Threads

T = TypeVar("T")
DISK = "disk"
LANE = "disk"
# An hour: a model of some hundred gigabytes is hashed in one piece of work.
POLICY = Policy(timeout_s=3600.0, tries=1, failures=5, open_s=5.0, at_once=4)
# What says something of one file or one name, and nothing of the disk.
OF_A_FILE = frozenset({errno.ENOENT, errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ENOTEMPTY})


class DiskSilent(DependencyDown):
    """Work on files did not end in the time it had: the file system may be stalled."""


class Disk:
    """One per process; it belongs to the event loop."""

    def __init__(self, threads: Threads, clock: Clock, policy: Policy = POLICY) -> None:
        self._threads = threads
        self.dependency = Dependency(
            clock,
            DISK,
            policy,
            lost="trainings, exports and the database stop with an error where they need room",
            meanwhile="what needs no file goes on",
        )

    async def run(self, fn: Callable[..., T], *args: object) -> T:
        """Call `fn(*args)` on one of the disk's threads and return what it returns.

        Raises: DependencyDown while the disk is left alone; DiskSilent.
        """
        disk = self.dependency
        with disk.guard(is_failure):
            try:
                async with asyncio.timeout(disk.policy.timeout_s), disk.place(None):
                    return await self._threads.run(LANE, fn, *args)
            except TimeoutError as late:
                raise DiskSilent(
                    f"work on files did not end within {disk.policy.timeout_s:g} s: is the file "
                    "system there?",
                    retry_after_s=disk.policy.open_s,
                ) from late


def is_failure(error: BaseException | None) -> bool:
    """Tell whether the disk failed, however that was put into words on its way."""
    while error is not None:
        if isinstance(error, DiskSilent | InsufficientStorage):
            return True
        if isinstance(error, OSError) and error.errno not in OF_A_FILE:
            return True
        error = error.__cause__
    return False
