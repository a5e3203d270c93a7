"""Names that a broker knows: one queue for each room and each band of priority.

Bands are queues of their own because brokers disagree about priorities: RabbitMQ's quorum queues had
none before 4.0, and with Redis 0 is the highest.
"""

from camel_ext.core.jobs import queue_of

PREFIX = "camel-ext"
TAKE = "camel_ext.take"  # the one Celery task; its arguments are ids of jobs
BANDS = ("high", "normal", "low")


def band_of(priority: int) -> str:
    """Return the band of a job's priority; 0 is normal."""
    return "normal" if priority == 0 else "high" if priority > 0 else "low"


def queue_name(kind: str, priority: int) -> str:
    """Return the broker's queue for a job."""
    return f"{PREFIX}.{queue_of(kind)}.{band_of(priority)}"


def queue_names(rooms: frozenset[str]) -> list[str]:
    """Return the broker's queues of these rooms, the most urgent first."""
    return [f"{PREFIX}.{room}.{band}" for band in BANDS for room in sorted(rooms)]
