"""What a process is made of: clock, randomness, threads, database and gate, handed to doors and tasks.

It also holds the two ways to run a service: `read` on a snapshot and `write` through the gate. The
simulator builds one with a virtual clock and inline threads. It is not a container for rooms' things:
those live in `extras`, by the room's name.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from camel_ext.core.clock import Clock
from camel_ext.core.database import Database, DatabaseUnreachable
from camel_ext.core.dependencies import Dependency, Policy
from camel_ext.core.disk import DISK, Disk
from camel_ext.core.gate import Lane, Signals, WriteGate
from camel_ext.core.ids import uuid7
from camel_ext.core.journal import apply_appends
from camel_ext.core.row_security import Acting
from camel_ext.core.tenancy import Tenant, system_session
from camel_ext.core.threads import Threads

T = TypeVar("T")
DATABASE = "database"
POLICY = Policy(timeout_s=30.0, tries=1, failures=5, open_s=1.0)
# A file answers at once, well or badly, and reads work where writes do not: it is never left alone.
FILE_POLICY = Policy(timeout_s=30.0, tries=1, failures=None, open_s=1.0)


@dataclass(eq=False)
class Runtime:
    """One per process."""

    database: Database
    clock: Clock
    rng: Random
    threads: Threads
    gate: WriteGate = field(init=False)
    disk: Disk = field(init=False)
    extras: dict[str, Any] = field(default_factory=dict)
    dependencies: dict[str, Dependency] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.dependencies[DATABASE] = Dependency(
            self.clock,
            DATABASE,
            replace(
                FILE_POLICY if self.database.is_sqlite else POLICY,
                at_once=self.database.connections_max,
            ),
            lost="nothing is read or written: requests are answered 503 with Retry-After",
            meanwhile="clients keep their place and go on by themselves; runs resume at their turn",
        )
        self.disk = Disk(self.threads, self.clock)
        self.dependencies[DISK] = self.disk.dependency
        self.gate = WriteGate(self.database, self.threads, self.clock, apply_appends)

    def new_id(self) -> UUID:
        """Return a fresh UUIDv7."""
        return uuid7(self.clock, self.rng)

    async def read(self, tenant: Tenant | None, fn: Callable[..., T], *args: Any) -> T:
        """Call `fn(session, *args)` to read (`Database.read`), as that tenant."""
        return await self._asked(
            self.threads.run, "read", lambda: self.database.read(tenant, fn, *args)
        )

    async def read_system(self, reason: str, fn: Callable[..., T], *args: Any) -> T:
        """Call `fn(session, *args)` to read (`Database.read`), across tenants."""
        return await self._asked(
            self.threads.run, "read", lambda: self.database.read_system(reason, fn, *args)
        )

    async def write(
        self, tenant: Tenant | None, fn: Callable[..., T], *args: Any, lane: Lane = Lane.DOOR
    ) -> T:
        """Call `fn(session, *args)` in one transaction; return after its commit is on disk."""
        return await self._write(tenant, tenant, fn, args, lane)

    async def write_system(self, reason: str, fn: Callable[..., T], *args: Any) -> T:
        """Call `fn(session, *args)` in one transaction across tenants, for the reason given."""

        def across(session: Session, *inner: Any) -> T:
            system_session(session, reason)
            return fn(session, *inner)

        return await self._write(None, reason, across, args, Lane.DOOR)

    async def _write(
        self,
        tenant: Tenant | None,
        acting: Acting,
        fn: Callable[..., T],
        args: tuple[Any, ...],
        lane: Lane,
    ) -> T:
        def apply(connection: Connection, signals: Signals) -> T:
            with self.database.session_on(connection, tenant) as session:
                result = fn(session, *args)
                session.commit()
                signals |= session.info.get("signals", set())
                return result

        return await self._asked(partial(self.gate.write, acting=acting), apply, lane)

    async def _asked(self, ask: Callable[..., Awaitable[T]], *args: Any) -> T:
        """Ask the database, unless it is left alone, and learn how it is from how that ends.

        Raises: DatabaseUnreachable.
        """
        database = self.dependencies[DATABASE]
        database.check(DatabaseUnreachable)
        try:
            result = await ask(*args)
        except DatabaseUnreachable as error:
            database.failed(error)
            raise
        except Exception:  # it answered; what is wrong is the asker's
            database.worked()
            raise
        database.worked()
        return result

    async def close(self) -> None:
        """Answer what was submitted, then close threads and database."""
        await self.gate.drain()
        self.threads.close()
        self.database.close()
