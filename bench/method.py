"""What all benches share: medians with intervals, ABBA order, CPU and memory of a process tree.

It measures nothing by itself, and holds no goal.
"""

import json
import os
import platform
import random
import statistics
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

IDLE_LOAD = 0.5
DRAWS = 4000
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def interval(values: Sequence[float], seed: int = 1) -> tuple[float, float, float]:
    """Return the median and its 95 % bootstrap interval."""
    rng = random.Random(seed)
    medians = sorted(statistics.median(rng.choices(values, k=len(values))) for _ in range(DRAWS))
    low, high = medians[int(DRAWS * 0.025)], medians[int(DRAWS * 0.975)]
    return statistics.median(values), low, high


def shown(values: Sequence[float], digits: int = 3) -> str:
    """Return `median [low, high]`."""
    middle, low, high = interval(values)
    return f"{middle:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def abba(names: Sequence[str], blocks: int) -> Iterator[str]:
    """Yield every name twice a block, forth and back, so that a drift hits all alike."""
    for _ in range(blocks):
        yield from names
        yield from reversed(names)


def ratios(over: Sequence[float], under: Sequence[float]) -> list[float]:
    """Return the ratio of each run to its neighbour of the other arm."""
    return [a / b for a, b in zip(over, under, strict=True)]


def tree(pid: int) -> list[int]:
    """Return a process and all that descend from it, as far as they still live."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            found += map(int, _read(task).split())
    return found


def cpu_s(pid: int) -> float:
    """Return the CPU seconds of a process tree so far, children that ended included."""
    return sum(_ticks(each) for each in tree(pid)) / TICKS_PER_S


def pss_mb(pid: int) -> float:
    """Return the proportional memory of a process tree in MB (10^6 bytes)."""
    return sum(_pss_kb(each) for each in tree(pid)) * 1024 / 1e6


def busy() -> float:
    """Return the load before the start, and say so where the host is not idle."""
    load = os.getloadavg()[0]
    if load > IDLE_LOAD:
        print(f"the host was not idle before the start: load {load:.2f} on {os.cpu_count()} cores")
    return round(load, 2)


def about(bench: str, load: float, packages: Iterable[str] = ()) -> dict[str, Any]:
    """Return what a reader must know to compare: machine, versions, load."""
    return {
        "bench": bench,
        "load_before": load,
        "load_after": round(os.getloadavg()[0], 2),
        "cores": os.cpu_count(),
        "cpu": _cpu_name(),
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }


def report(head: dict[str, Any], **results: Any) -> None:
    """Print the one JSON line."""
    print(json.dumps({**head, **results}))


def _ticks(pid: int) -> int:
    fields = _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return sum(map(int, fields[11:15]))  # own and waited-for children's, user and system


def _pss_kb(pid: int) -> int:
    for line in _read(Path(f"/proc/{pid}/smaps_rollup")).splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


def _cpu_name() -> str:
    lines = _read(Path("/proc/cpuinfo")).splitlines()
    return next((x.partition(":")[2].strip() for x in lines if x.startswith("model name")), "?")


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
        return "0 (gone) " + "0 " * 20 if path.name == "stat" else ""
