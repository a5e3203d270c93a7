"""The trainer's command line: `python -m camel_ext.training.trainer JOB_DIR [--preflight]`.

Exit codes: 0 done, 1 failed (the last event says why), 3 stopped at a checkpoint. Nothing heavy is
imported before the folder's console takes what libraries print.
"""

import argparse
import os
import signal
import sys
from pathlib import Path
from types import TracebackType

from camel_ext.training.spec import CONSOLE_FILE, EXIT_DONE, EXIT_STOPPED
from camel_ext.training.trainer.stopping import Stopped, StopSwitch


def main() -> int:
    """Train in the folder, or only look, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m camel_ext.training.trainer")
    parser.add_argument("job_dir", type=Path)
    parser.add_argument("--preflight", action="store_true", help="look, and train nothing")
    options = parser.parse_args()
    _to_console(options.job_dir / CONSOLE_FILE)
    _tell_failures(options.job_dir)

    switch = StopSwitch()
    signal.signal(signal.SIGTERM, switch.throw)
    try:
        _run(options.job_dir, switch, only_look=options.preflight)
    except Stopped as stopped:
        from camel_ext.training.trainer.events import EventLog

        EventLog(options.job_dir).emit("stopped", step=stopped.step)
        return EXIT_STOPPED
    return EXIT_DONE


def _run(job_dir: Path, switch: StopSwitch, *, only_look: bool) -> None:
    if only_look:
        from camel_ext.training.trainer.preflight import look

        look(job_dir)
        return
    from camel_ext.training.trainer.run import Run

    Run(job_dir, switch).train()


def _to_console(path: Path) -> None:
    """Send everything that is printed, by libraries in C too, to the folder."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


def _tell_failures(job_dir: Path) -> None:
    """Turn whatever ends the process into its last event; Python then exits with 1."""

    def tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        sys.__excepthook__(kind, error, trace)
        from camel_ext.training.trainer.events import EventLog
        from camel_ext.training.trainer.failures import as_failure

        failed = as_failure(error)
        EventLog(job_dir).emit(
            "failed", code=failed.code, detail=failed.detail, advice=failed.advice
        )

    sys.excepthook = tell


if __name__ == "__main__":
    sys.exit(main())
