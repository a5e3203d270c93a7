"""The first lines of a trainer's process: it ties itself to its parent, closes the network, then trains.

Run by path, `python -P child.py PARENT_PID JOB_DIR [--look | --look-first]`, by whichever interpreter
has torch; it imports nothing of the platform before it has done its part. Who starts and stops it is
the launcher's business, what a training is the trainer's.
"""

import ctypes
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG = 1  # linux/prctl.h
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000  # linux/sched.h
NICE = 5  # a server that answers, and the engine beside it, come first
OOM_SCORE = 700  # of 1000: when memory ends, the kernel takes the trainer, not the server
EXIT_STOPPED = 3  # as in spec.py, which is not imported before the process is prepared
ROOT = str(Path(__file__).resolve().parents[2])


def main() -> None:
    """Prepare the process and hand it to the trainer."""
    parent, job_dir, *options = sys.argv[1:]
    if sys.platform == "linux":
        close_network()
        die_with(int(parent))
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text(str(OOM_SCORE))
    os.nice(NICE)
    if ROOT not in sys.path:  # an interpreter of its own: what is not in it is taken from ours
        sys.path.append(ROOT)
    if "--look" in options or "--look-first" in options:
        look(job_dir)
    if "--look" not in options:
        train(job_dir)


def close_network() -> None:
    """Leave the network behind, where the kernel lets us; nothing in a training needs one."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) == 0:
        return
    uid, gid = os.getuid(), os.getgid()
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0:  # we stay who we are
        with suppress(OSError):
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
            Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")


def die_with(parent: int) -> None:
    """Ask the kernel to kill this process when its parent ends, and end now if it already has."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def look(job_dir: str) -> None:
    """Look at the training first; who asks it to stop meanwhile is heard as soon as that is done."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    train(job_dir, "--preflight")
    signal.signal(signal.SIGTERM, lambda *_: os._exit(EXIT_STOPPED))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


def train(job_dir: str, *options: str) -> None:
    """Run the trainer's own command line; return when it is done, end with its code otherwise."""
    from camel_ext.training.trainer.__main__ import main as trainer

    sys.argv = ["camel-ext trainer", job_dir, *options]
    code = trainer()
    if code:
        sys.exit(code)


if __name__ == "__main__":
    main()
