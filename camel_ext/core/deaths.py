"""The word that a job is dead: it ran out of tries, and nobody will take it until a person says so.

It is written in the transaction that writes the job off. What to do about it is the jobs room's.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from camel_ext.core.clock import Clock
from camel_ext.core.gate import Signals
from camel_ext.core.jobs import Claimed
from camel_ext.core.outbox import OUTBOX, Event, event_type, outbox_entry


@event_type("jobs.job.died")
@dataclass(frozen=True)
class JobDied(Event):
    """A job ran out of tries; the subject is the job."""

    kind: str
    error_code: str | None
    attempts: int


def announce_death(
    connection: Connection, signals: Signals, clock: Clock, job: Claimed, values: dict[str, Any]
) -> None:
    """Announce the end of a job that is not tried again."""
    died = JobDied(str(job.id), job.kind, values.get("error_code"), values.get("attempts", 0))
    statement, row = outbox_entry(job.tenant, clock, died)
    connection.execute(statement, [row])
    signals.add(OUTBOX)
