"""How many trials of each fault, from which seed on, and where their numbers go; `make chaos` says so."""

import json
import os
from pathlib import Path

TRIALS = int(os.environ.get("FAULT_TRIALS", "20"))  # of each fault
FIRST = int(os.environ.get("FAULT_FIRST", "0"))
SEEDS = range(FIRST, FIRST + TRIALS)


def report(**counts: int) -> None:
    """Add what was done to the report, where one is asked for."""
    path = os.environ.get("FAULT_REPORT")
    if path is not None:
        with Path(path).open("a") as lines:
            lines.write(json.dumps(counts) + "\n")
