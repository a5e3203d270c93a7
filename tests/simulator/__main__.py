"""Any number of histories by command: `make simulate seeds=10000`, `make simulate first=4711 seeds=1`.

Each is told by its seed alone, so one that failed happens again; the ends of those stand at the end.
"""

import argparse
import json
import logging
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.simulator.histories import WORLDS, opened, violations_of

BATCH = 10  # histories that one process makes in a row on one file


def wrong_in(kind: str, seeds: range) -> dict[int, list[str]]:
    """Return what was wrong in these histories, by seed."""
    logging.disable(logging.WARNING)  # faults are what they are about
    logging.getLogger().addHandler(logging.NullHandler())
    with (
        tempfile.TemporaryDirectory(prefix="simulate-") as folder,
        opened(Path(folder), kind) as database,
    ):
        found = {seed: violations_of(kind, seed, database) for seed in seeds}
    return {seed: wrong for seed, wrong in found.items() if wrong}


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("seeds", type=int, help="how many histories of each world")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--world", choices=WORLDS, action="append", help="only this one")
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    console, began_s, wrong = (
        Console(stderr=True, markup=False),
        time.monotonic(),
        dict[str, list[str]](),
    )
    worlds: list[str] = given.world or list(WORLDS)
    seeds = range(given.first, given.first + given.seeds)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with (
        Progress(*columns, TimeRemainingColumn(), console=console) as progress,
        ProcessPoolExecutor(given.processes) as pool,
    ):
        for kind in worlds:
            bar = progress.add_task(kind, total=len(seeds))
            some = [seeds[start : start + BATCH] for start in range(0, len(seeds), BATCH)]
            for done, found in zip(some, pool.map(wrong_in, [kind] * len(some), some), strict=True):
                progress.advance(bar, len(done))
                for seed, lines in found.items():
                    wrong[f"{kind} {seed}"] = lines
                    console.print(f"{kind}, seed {seed}: VIOLATED", *lines, sep="\n    ")
    took_s = round(time.monotonic() - began_s, 1)
    told = {"worlds": worlds, "first": given.first, "histories": len(seeds), "took_s": took_s}
    sys.stdout.write(json.dumps(told | {"violated": wrong}) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
