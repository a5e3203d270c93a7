"""The tool of `killing`: a step whose effect is a line in a ledger that none of the arms controls.

A line is one write to a file opened for appending: kill -9 leaves it whole or not there.
"""

import asyncio
import os

from camel_ext.workflows.tools import tool

_opened: list[int] = []


def write_line(job: str, step: int) -> None:
    """Have the effect of a step."""
    if not _opened:
        path = os.environ["BENCH_LEDGER"]
        _opened.append(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND))
    os.write(_opened[0], f"{job} {step}\n".encode())


@tool(idempotent=True)
async def enter(job: str, n: int) -> str:
    """Take a while, then have an effect outside.

    Args:
        job: The job's name.
        n: The step's number.
    """
    await asyncio.sleep(float(os.environ["BENCH_STEP_S"]))
    write_line(job, n)
    return "entered"
