"""How much memory this process holds, now and at most so far."""

import resource
import sys
from pathlib import Path

UNIT_BYTES = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, getrusage(2)


def rss_bytes() -> int:
    """Return what is resident now; where the kernel does not say, the most so far."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return peak_rss_bytes()
    return pages * resource.getpagesize()


def peak_rss_bytes() -> int:
    """Return the most that was resident so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT_BYTES
