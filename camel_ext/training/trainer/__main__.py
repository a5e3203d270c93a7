"""The trainer's command line: `python -m camel_ext.training.trainer JOB_DIR [--preflight]`.

Exit codes: 0 done, 1 failed (the last event says why), 3 stopped at a checkpoint.
"""

import argparse
import os
import signal
import sys
from pathlib import Path

from camel_ext.training.spec import CONSOLE_FILE, EXIT_DONE, EXIT_FAILED, EXIT_STOPPED


def main() -> int:
    """Train in the folder, and turn every way to end into an event and an exit code."""
    parser = argparse.ArgumentParser(prog="python -m camel_ext.training.trainer")
    parser.add_argument("job_dir", type=Path)
    parser.add_argument("--preflight", action="store_true", help="look, and train nothing")
    options = parser.parse_args()
    _to_console(options.job_dir / CONSOLE_FILE)

    import torch

    from camel_ext.training.spec import read_spec
    from camel_ext.training.trainer.failures import Stopped, TrainingFailed
    from camel_ext.training.trainer.run import EventLog, Run, StopSwitch

    switch = StopSwitch()
    signal.signal(signal.SIGTERM, switch.throw)
    events = EventLog(options.job_dir)
    try:
        torch.set_num_threads(read_spec(options.job_dir).threads or os.cpu_count() or 1)
        Run(options.job_dir, switch).train()
    except Stopped:
        events.emit("stopped")
        return EXIT_STOPPED
    except TrainingFailed as failed:
        events.emit("failed", code=failed.code, detail=failed.detail, advice=failed.advice)
        return EXIT_FAILED
    return EXIT_DONE


def _to_console(path: Path) -> None:
    """Send everything that is printed, by libraries in C too, to the folder."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main())
