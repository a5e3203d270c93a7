"""The no-op tool of P1. That step n begins says that steps before n were acknowledged: it is noted.

The note goes to a file without fsync: a kill -9 leaves the page cache alone.
"""

import os

from camel_ext.workflows.tools import tool

PAYLOAD = "x" * 1500
_opened: list[int] = []


def ack(name: str, n: int) -> None:
    """Note that a step of a run begins."""
    if not _opened:
        path = os.environ["BENCH_ACKS"]
        _opened.append(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND))
    os.write(_opened[0], f"{name} {n}\n".encode())


@tool(idempotent=True)
async def noop(name: str, n: int) -> str:
    """Do nothing, and say so in 1.5 KB.

    Args:
        name: The run's name.
        n: The step's number.
    """
    ack(name, n)
    return PAYLOAD
