"""The whole suite, and a second look at the few that failed in it: `make test`.

    python -m tests.suite -n 2 --dist loadgroup -m "not nightly"

Five thousand tests share two cores with real servers, browsers and killed processes, so one may run out of
time and say nothing about the code. A few that failed are run again, alone, three times each. One that fails
once more is red; one that holds is named as unsteady, which is a fault of its own, to be mended. More
than a few are red at once, as is anything that is no failure of a test.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

FEW = 5
TIMES = 3
TESTS_FAILED = 1  # pytest's code for it; others say that the suite did not run to its end


def main(options: Sequence[str], root: Path) -> int:
    """Run the suite with pytest's options in that folder; return its exit code."""
    code = _pytest(root, "--cache-clear", *options)
    if code != TESTS_FAILED:
        return code
    failed = _failed(root)
    if not 0 < len(failed) <= FEW:
        _say(f"{len(failed)} failed: too many to look at again.")
        return code
    _say(f"{len(failed)} failed. Again, alone, {TIMES} times each:")
    red = [each for each in failed if not _holds(root, each)]
    for each in failed:
        _say(f"{'FAILED AGAIN' if each in red else 'UNSTEADY, holds alone'}: {each}")
    return code if red else 0


def _say(words: str) -> None:
    Console().print(words, markup=False, highlight=False, soft_wrap=True)


def _pytest(root: Path, *options: str) -> int:
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options], cwd=root, check=False
    ).returncode


def _holds(root: Path, test: str) -> bool:
    return all(_pytest(root, "-q", "-p", "no:cacheprovider", test) == 0 for _ in range(TIMES))


def _failed(root: Path) -> list[str]:
    """Return what failed in the last run, by pytest's own note of it."""
    note = root / ".pytest_cache" / "v" / "cache" / "lastfailed"
    return sorted(json.loads(note.read_text())) if note.exists() else []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path(__file__).parents[1]))
