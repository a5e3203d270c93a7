"""The first program inside the sandbox: set the limits, give up every right, become the command.

It runs as a script in an interpreter without site-packages, so it imports nothing of ours. It is
not the wall: namespaces and the system-call filter are already up when it starts. Limits are set
here because outside they would count the user's other processes.

Usage: launcher.py AS=bytes,CPU=seconds,...[,uid=number] COMMAND [ARGUMENT...]
"""

import os
import resource
import select
import sys


def main(limits: str, command: list[str]) -> None:
    """Never return: the command takes this process over."""
    if _nobody_listens():
        raise SystemExit("the platform is gone")
    values = {
        name: int(value) for name, _, value in (one.partition("=") for one in limits.split(","))
    }
    uid = values.pop("uid", None)
    for name, value in values.items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")  # when memory runs out, the kernel ends a tool and not the platform
    os.nice(10)
    if uid is not None:  # the platform runs as root: RLIMIT_NPROC does not hold root
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    os.chdir("/scratch")  # only now: as root without rights we could not enter it
    os.execv(command[0], command)  # noqa: S606 - no shell is the point


def _nobody_listens() -> bool:
    """A platform killed in bwrap's first millisecond takes only the outer bwrap along."""
    output = select.poll()
    output.register(1, 0)
    return bool(output.poll(0))  # POLLERR: the reading end of our stdout is closed


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
