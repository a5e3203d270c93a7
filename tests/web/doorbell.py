"""A tool that must not run twice, for runs that are killed in the middle of it."""

import time
from pathlib import Path

from camel_ext.workflows.tools import tool

LONG_S = 30.0


@tool(idempotent=False, timeout_s=2 * LONG_S)
def ring(book: str) -> str:
    """Ring at the door; the first time it takes long until somebody opens.

    Args:
        book: A file in which each call is noted.
    """
    noted = Path(book)
    is_first = not noted.exists()
    with noted.open("a") as lines:
        lines.write("rang\n")
    if is_first:
        time.sleep(LONG_S)
    return "Somebody opens."
